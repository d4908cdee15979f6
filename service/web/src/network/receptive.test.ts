/** Holds which pixels a number depends on: through windows, branches, flattening and what loses the place. */
import { expect, it } from "vitest";

import type { Layer } from "../api/documents";
import { regionOf } from "./receptive";

function layer(
  name: string,
  kind: Layer["kind"],
  inputs: string[],
  input: number[],
  output: number[],
  more: Partial<Layer> = {},
): Layer {
  return {
    ...{ name, kind, operator: "", inputs, input_shapes: inputs.map(() => input), output_shape: output },
    ...{ parameters: 0, macs: 0, receptive_field: [1, 1], jump: [1, 1], attributes: {}, ...more },
  };
}

const square = (size: number, stride: number, pad: number): Partial<Layer> => ({
  attributes: {
    ...{
      kernel_shape: [size, size],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
      dilations: [1, 1],
    },
  },
});

const network = [
  layer("pre", "preprocessing", ["input"], [8, 8, 1], [1, 8, 8]),
  layer("conv", "conv", ["pre"], [1, 8, 8], [2, 8, 8], square(3, 1, 1)),
  layer("pool", "max_pool", ["conv"], [2, 8, 8], [2, 4, 4], square(2, 2, 0)),
  layer("narrow", "conv", ["pool"], [2, 4, 4], [2, 4, 4], square(1, 1, 0)),
  layer("sum", "add", ["narrow", "pool"], [2, 4, 4], [2, 4, 4]),
  layer("flatten", "flatten", ["sum"], [2, 4, 4], [32], { receptive_field: null }),
  layer("dense", "dense", ["flatten"], [32], [3], { receptive_field: null }),
];

const at = (name: string, channel: number, y: number, x: number) =>
  regionOf(network, name, { channel, y, x });

it("a pixel is its own", () => expect(at("pre", 0, 3, 4)).toEqual({ top: 3, bottom: 3, left: 4, right: 4 }));

it("windows widen it, the picture's edge cuts it", () => {
  expect(at("conv", 0, 3, 4)).toEqual({ top: 2, bottom: 4, left: 3, right: 5 });
  expect(at("conv", 0, 0, 7)).toEqual({ top: 0, bottom: 1, left: 6, right: 7 });
  expect(at("pool", 0, 1, 1)).toEqual({ top: 1, bottom: 4, left: 1, right: 4 });
});

it("branches are taken together", () => expect(at("sum", 0, 1, 1)).toEqual(at("pool", 0, 1, 1)));

it("a flattened number was somewhere, a dense one is of everything", () => {
  expect(at("flatten", 16 + 5, 0, 0)).toEqual(at("pool", 0, 1, 1));
  expect(at("dense", 0, 0, 0)).toEqual({ top: 0, bottom: 7, left: 0, right: 7 });
});
