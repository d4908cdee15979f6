/** Holds what is read off a layer table: labels, cost, inputs, sizes in words. */
import { describe, expect, it } from "vitest";

import type { Layer } from "../api/documents";
import { describeAttributes, labelledLayers, unusualInputs } from "./layers";

function layer(name: string, kind: Layer["kind"], shape: number[], inputs: string[], attributes = {}): Layer {
  return {
    ...{ name, kind, operator: "", inputs, input_shapes: [], output_shape: shape, attributes },
    ...{ parameters: 0, macs: 0, receptive_field: null, jump: null },
  };
}

const network = [
  layer("pre", "preprocessing", [1, 8, 8], ["input"]),
  layer("conv", "conv", [2, 8, 8], ["pre"]),
  layer("skip", "add", [2, 8, 8], ["conv", "pre"]),
  layer("narrow", "dense", [10], ["skip"]),
  layer("logits", "dense", [10], ["narrow"]),
  layer("softmax", "softmax", [10], ["logits"]),
];

describe("labelledLayers", () => {
  it("names the answer and the logits, not an earlier layer of the same size", () => {
    expect([...labelledLayers(network, 10)]).toEqual(["softmax", "logits"]);
  });

  it("names nothing where the sizes don't match", () => expect(labelledLayers(network, 3).size).toBe(0));
});

it("unusualInputs speaks only of what isn't the layer before", () => {
  expect(unusualInputs(network, 0)).toEqual([]);
  expect(unusualInputs(network, 1)).toEqual([]);
  expect(unusualInputs(network, 2)).toEqual(["conv", "pre"]);
});

describe("describeAttributes", () => {
  it("leaves out what is as usual", () => {
    const plain = { kernel_shape: [5, 5], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 };
    expect(describeAttributes(layer("a", "conv", [], [], plain))).toBe("5 × 5");
    expect(describeAttributes(layer("a", "relu", [], []))).toBe("");
  });

  it("says the rest", () => {
    const rich = { kernel_shape: [3, 1], strides: [2, 1], pads: [1, 1, 1, 1], dilations: [2, 2], group: 8 };
    expect(describeAttributes(layer("a", "conv", [], [], rich))).toBe(
      "3 × 1, stride 2 × 1, padding 1, dilation 2, 8 groups",
    );
  });
});
