/** Holds a convolution's windows, sums and maps against numbers worked out by hand. */
import { describe, expect, it } from "vitest";

import type { Layer } from "../api/documents";
import {
  convolutionOf,
  partialMap,
  strengthsOf,
  sumsAt,
  totalOf,
  windowAt,
  type Convolution,
} from "./convolution";

interface Case {
  input: { count: number; height: number; width: number; values: number[] };
  weight: { shape: number[]; values: number[] };
  bias?: number[];
  output: [number, number, number];
  attributes?: Record<string, number[]>;
}

function open({ input, weight, bias, output, attributes }: Case, channel = 0): Convolution {
  const layer: Layer = {
    ...{ name: "conv", kind: "conv", operator: "Conv", inputs: ["before"] },
    input_shapes: [[input.count, input.height, input.width]],
    output_shape: output,
    ...{ parameters: 0, macs: 0, receptive_field: null, jump: null },
    attributes: { kernel_shape: weight.shape.slice(2), ...attributes },
  };
  const tensor = (shape: number[], values: number[]) => ({ shape, values: Float32Array.from(values) });
  const weights = new Map([["weight", tensor(weight.shape, weight.values)]]);
  if (bias) weights.set("bias", tensor([bias.length], bias));
  const found = convolutionOf(layer, channel, { ...input, values: Float32Array.from(input.values) }, weights);
  if (!found) throw new Error("no convolution");
  return found;
}

const nine = { count: 1, height: 3, width: 3, values: [1, 2, 3, 4, 5, 6, 7, 8, 9] };

describe("a convolution", () => {
  it("multiplies the window with the kernel, cell by cell", () => {
    const conv = open({
      ...{ input: nine, weight: { shape: [1, 1, 2, 2], values: [1, 0, 0, -1] } },
      ...{ bias: [0.5], output: [1, 2, 2] },
    });
    expect(windowAt(conv, 0, 1, 1)).toEqual({ inputs: [5, 6, 8, 9], products: [5, 0, 0, -9], sum: -4 });
    expect(totalOf(sumsAt(conv, 1, 1), conv.bias)).toBe(-3.5);
    expect([...partialMap(conv, 0)]).toEqual([-4, -4, -4, -4]);
  });

  it("counts padding as zero and says where it is", () => {
    const conv = open({
      ...{ input: nine, weight: { shape: [1, 1, 3, 3], values: Array<number>(9).fill(1) } },
      ...{ output: [1, 3, 3], attributes: { pads: [1, 1, 1, 1] } },
    });
    expect(windowAt(conv, 0, 0, 0).inputs).toEqual([null, null, null, null, 1, 2, null, 4, 5]);
    expect([...partialMap(conv, 0)]).toEqual([12, 21, 16, 27, 45, 33, 24, 39, 28]);
    expect(conv.bias).toBeNull();
    expect([...strengthsOf(conv)]).toEqual([245]);
  });

  it("steps by the stride and spreads by the dilation, differently down and across", () => {
    const conv = open({
      input: { count: 1, height: 4, width: 5, values: Array.from({ length: 20 }, (_, i) => i) },
      weight: { shape: [1, 1, 2, 2], values: [1, 10, 100, 1000] },
      ...{ output: [1, 2, 2], attributes: { strides: [1, 2], dilations: [2, 1], pads: [0, 0, 0, 0] } },
    });
    expect(windowAt(conv, 0, 1, 1).inputs).toEqual([7, 8, 17, 18]);
    expect(windowAt(conv, 0, 1, 1).sum).toBe(7 + 80 + 1700 + 18000);
  });

  it("pads more on one side than on the other", () => {
    const conv = open({
      ...{ input: nine, weight: { shape: [1, 1, 2, 2], values: [1, 1, 1, 1] } },
      ...{ output: [1, 3, 3], attributes: { pads: [0, 0, 1, 1] } },
    });
    expect([...partialMap(conv, 0)]).toEqual([12, 16, 9, 24, 28, 15, 15, 17, 9]);
  });

  it("reads only its group's channels", () => {
    const grouped: Case = {
      input: { count: 4, height: 1, width: 1, values: [1, 2, 3, 4] },
      weight: { shape: [4, 2, 1, 1], values: [1, 1, 2, 2, 3, 3, 10, 100] },
      ...{ bias: [0, 0, 0, 7], output: [4, 1, 1] },
    };
    expect(open(grouped, 1).first).toBe(0);
    const last = open(grouped, 3);
    expect(last.first).toBe(2);
    expect([...sumsAt(last, 0, 0)]).toEqual([30, 400]);
    expect(totalOf(sumsAt(last, 0, 0), last.bias)).toBe(437);
  });

  it("reads one channel each where it is depthwise", () => {
    const conv = open(
      {
        input: { count: 3, height: 1, width: 1, values: [1, 2, 3] },
        ...{ weight: { shape: [3, 1, 1, 1], values: [5, 6, 7] }, output: [3, 1, 1] },
      },
      2,
    );
    expect([conv.first, conv.reads]).toEqual([2, 1]);
    expect([...sumsAt(conv, 0, 0)]).toEqual([21]);
  });
});
