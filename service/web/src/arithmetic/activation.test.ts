/** Holds the curves of the activations, by what each is known for. */
import { describe, expect, it } from "vitest";

import type { Layer } from "../api/documents";
import { curveOf, type Curve } from "./activation";

function curve(
  kind: Layer["kind"],
  attributes: Layer["attributes"] = {},
  slopes: number[] | null = null,
): Curve {
  const layer: Layer = {
    ...{ name: "layer", kind, operator: "", inputs: ["before"], input_shapes: [], output_shape: [2, 1, 1] },
    ...{ parameters: 0, macs: 0, receptive_field: null, jump: null, attributes },
  };
  const weights =
    slopes && new Map([["slope", { shape: [slopes.length], values: Float32Array.from(slopes) }]]);
  const found = curveOf(layer, 1, weights);
  if (!found) throw new Error("no curve");
  return found;
}

describe("curveOf", () => {
  it.each([
    ["relu", -2, 0],
    ["relu", 3, 3],
    ["sigmoid", 0, 0.5],
    ["tanh", 0, 0],
    ["silu", 0, 0],
    ["gelu", 10, 10],
    ["hard_swish", -3, 0],
    ["hard_swish", 3, 3],
  ] as const)("%s of %f is %f", (kind, x, y) => expect(curve(kind)(x)).toBeCloseTo(y, 6));

  it("a leaky ReLU's slope is the layer's, or learnt for each channel, or for all", () => {
    expect(curve("leaky_relu", { alpha: 0.2 })(-1)).toBeCloseTo(-0.2);
    expect(curve("leaky_relu", {}, [0.25, 0.5])(-1)).toBe(-0.5);
    expect(curve("leaky_relu", {}, [0.25])(-1)).toBe(-0.25);
  });

  it("clip has the layer's limits, or none", () => {
    expect(curve("clip", { min: 0, max: 6 })(7)).toBe(6);
    expect(curve("clip")(-1e9)).toBe(-1e9);
  });

  it("is nothing for what isn't an activation", () => expect(() => curve("conv")).toThrow());
});
