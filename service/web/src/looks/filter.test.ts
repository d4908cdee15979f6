import { expect, test } from "vitest";
import type { Layer } from "../api/documents";
import type { Tensor } from "../safetensors";
import { bySize, coloursOf, filteringLayer, filterOf, readsPicture } from "./filter";

const layer = (
  name: string,
  kind: Layer["kind"],
  inputs: string[],
  output_shape: number[],
  more: Partial<Layer> = {},
): Layer => ({
  ...{ name, kind, inputs, output_shape, operator: "", input_shapes: [] },
  ...{ parameters: 0, macs: 0, receptive_field: null, jump: null, attributes: {} },
  ...more,
});

const LAYERS = [
  layer("prepared", "preprocessing", ["input"], [3, 4, 4]),
  layer("conv", "conv", ["prepared"], [2, 4, 4]),
  layer("norm", "batch_norm", ["conv"], [2, 4, 4]),
  layer("relu", "relu", ["norm"], [2, 4, 4]),
  layer("sum", "add", ["relu", "conv"], [2, 4, 4]),
  layer("depthwise", "conv", ["sum"], [4, 4, 4], { attributes: { group: 2 } }),
  layer("flatten", "flatten", ["relu"], [32], { input_shapes: [[2, 4, 4]] }),
  layer("dense", "dense", ["flatten"], [3]),
];
const named = (name: string): Layer => LAYERS.find((each) => each.name === name) as Layer;
const tensor = (...shape: number[]): Tensor => ({
  shape,
  values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => index),
});

test("what only passes channels on looks for what the convolution before it looks for", () => {
  expect(filteringLayer(LAYERS, named("relu"))?.name).toBe("conv");
  expect(filteringLayer(LAYERS, named("dense"))?.name).toBe("dense");
  expect(filteringLayer(LAYERS, named("sum"))).toBeNull();
});

test("a filter has a kernel for each channel that it reads", () => {
  const filter = filterOf(LAYERS, named("conv"), 1, new Map([["weight", tensor(2, 3, 2, 2)]]));
  expect(filter?.kernels.map(({ input }) => input)).toEqual([0, 1, 2]);
  expect([...(filter?.kernels[0]?.values ?? [])]).toEqual([12, 13, 14, 15]);
  expect(filter?.bias).toBeNull();
  expect(bySize(filter?.kernels ?? [])[0]?.input).toBe(2);
});

test("of a grouped convolution only its group's channels are read", () => {
  const filter = filterOf(LAYERS, named("depthwise"), 3, new Map([["weight", tensor(4, 1, 1, 1)]]));
  expect(filter?.kernels).toMatchObject([{ input: 1 }]);
});

test("dense weights lie on the maps that were flattened", () => {
  const filter = filterOf(LAYERS, named("dense"), 2, new Map([["weight", tensor(3, 32)]]));
  expect([filter?.rows, filter?.columns, filter?.kernels.length]).toEqual([4, 4, 2]);
  expect(filter?.kernels[1]?.values[0]).toBe(64 + 16);
});

test("only a layer behind nothing but preprocessing reads the picture", () => {
  expect(readsPicture(LAYERS, named("conv"))).toBe(true);
  expect(readsPicture(LAYERS, named("depthwise"))).toBe(false);
});

test("grey is zero, full colour the largest weight", () => {
  const weight = { shape: [1, 3, 1, 1], values: Float32Array.of(-2, 0, 2) };
  const filter = filterOf(LAYERS, named("conv"), 0, new Map([["weight", weight]]));
  expect([...coloursOf(filter as NonNullable<typeof filter>)]).toEqual([0, 128, 255, 255]);
});
