/** Holds that a tour speaks of the layers that a network has, in order, and of no others. */
import { expect, it } from "vitest";

import type { Layer } from "./api/documents";
import { tourOf } from "./tour";

function layer(name: string, kind: Layer["kind"], attributes: Layer["attributes"] = {}): Layer {
  return {
    ...{ name, kind, operator: "", inputs: [], input_shapes: [], output_shape: [6, 4, 4], attributes },
    ...{ parameters: 0, macs: 0, receptive_field: null, jump: null },
  };
}

it("stops at the first layer of each kind, and at the answer's own", () => {
  const steps = tourOf([
    layer("conv1", "conv", { kernel_shape: [5, 5] }),
    layer("gate", "sigmoid"),
    layer("relu1", "relu"),
    layer("conv2", "conv"),
    layer("logits", "dense"),
    layer("probabilities", "softmax"),
  ]);
  expect(steps.map((step) => step.layer)).toEqual([null, "conv1", "relu1", "logits", "probabilities", null]);
  expect(steps[1]?.words[0]).toContain("here 5 × 5");
});

it("leaves out what isn't there", () => expect(tourOf([])).toHaveLength(2));
