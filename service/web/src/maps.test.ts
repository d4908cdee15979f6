/** Holds how a tensor becomes channels, and what counts as active or dead. */
import { describe, expect, it } from "vitest";

import { byActivity, channelsOf, gridOf, isDead, isVector, mapOf, statisticsOf } from "./maps";

const tensor = (shape: number[]) => ({
  shape,
  values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
});

describe("channelsOf", () => {
  it("reads [C, H, W] as C maps", () => {
    const channels = channelsOf(tensor([2, 3, 4]));
    expect(channels).toMatchObject({ count: 2, height: 3, width: 4 });
    expect([...mapOf(channels, 1)]).toEqual([12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]);
    expect(isVector(channels)).toBe(false);
  });

  it("reads [K] and [K, 1, 1] as vectors, [C, L] as C rows", () => {
    expect(isVector(channelsOf(tensor([10])))).toBe(true);
    expect(isVector(channelsOf(tensor([10, 1, 1])))).toBe(true);
    expect(channelsOf(tensor([3, 5]))).toMatchObject({ count: 3, height: 1, width: 5 });
  });
});

describe("statisticsOf", () => {
  it("sees the range, the mean and the activity", () => {
    expect(statisticsOf(Float32Array.of(-2, 0, 4, 2))).toEqual({
      minimum: -2,
      maximum: 4,
      mean: 1,
      activity: 2,
    });
  });

  it("calls a channel dead only when it is all zero", () => {
    expect(isDead(statisticsOf(new Float32Array(4)))).toBe(true);
    expect(isDead(statisticsOf(Float32Array.of(0, 1e-20)))).toBe(false);
    expect(isDead(statisticsOf(Float32Array.of(1, 1)))).toBe(false);
  });
});

it("byActivity puts the most active first and keeps equal ones in order", () => {
  const maps = [
    [0, 0],
    [1, -1],
    [-5, 0],
    [1, 1],
  ].map((values) => statisticsOf(Float32Array.from(values)));
  expect(byActivity(maps)).toEqual([2, 1, 3, 0]);
});

it("gridOf keeps a short vector in one row and breaks a long one evenly", () => {
  expect(gridOf(10)).toEqual({ rows: 1, columns: 10 });
  expect(gridOf(400)).toEqual({ rows: 4, columns: 100 });
  expect(gridOf(0)).toEqual({ rows: 1, columns: 0 });
});
