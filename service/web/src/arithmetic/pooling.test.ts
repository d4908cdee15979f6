/** Holds what a pooling takes of its window: the first of equals, padding counted or not, the whole map. */
import { describe, expect, it } from "vitest";

import type { Layer } from "../api/documents";
import { pooledAt, poolingOf, type PooledWindow } from "./pooling";

function pool(kind: Layer["kind"], attributes: Layer["attributes"], y = 0, x = 0): PooledWindow {
  const layer: Layer = {
    ...{ name: "pool", kind, operator: "", inputs: ["before"], input_shapes: [[2, 3, 3]] },
    ...{ output_shape: [2, 1, 1], parameters: 0, macs: 0, receptive_field: null, jump: null, attributes },
  };
  const values = Float32Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 9, 6, 7, 9, 9]);
  const pooling = poolingOf(layer, 3, 3);
  if (!pooling) throw new Error("no pooling");
  return pooledAt(pooling, { count: 2, height: 3, width: 3, values }, 1, y, x);
}

const square = { kernel_shape: [2, 2], strides: [1, 1], pads: [1, 1, 1, 1] };

describe("pooling", () => {
  it("takes the first of the largest", () => {
    const { chosen, value } = pool("max_pool", { kernel_shape: [2, 2] }, 1, 1);
    expect([chosen, value]).toEqual([0, 9]);
  });

  it("ignores padding for a maximum", () => {
    expect(pool("max_pool", square)).toMatchObject({ inputs: [null, null, null, 1], chosen: 3, value: 1 });
  });

  it("divides a mean by the cells within the map, or by the padding's too", () => {
    expect(pool("average_pool", square)).toMatchObject({ divisor: 1, value: 1 });
    expect(pool("average_pool", { ...square, count_include_pad: 1 })).toMatchObject({
      divisor: 4,
      value: 0.25,
    });
  });

  it("doesn't count what lies beyond the padding", () => {
    const beyond = { kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], count_include_pad: 1 };
    expect(pool("average_pool", beyond, 1, 1)).toMatchObject({ sum: 9, divisor: 1, value: 9 });
  });

  it("takes the whole map where it is global", () => {
    expect(pool("global_average_pool", {})).toMatchObject({ sum: 50, divisor: 9 });
    expect(pool("global_max_pool", {})).toMatchObject({ chosen: 4, value: 9 });
  });
});
