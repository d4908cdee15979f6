/** Holds a dense layer's contributions, and where a flattened number was. */
import { expect, it } from "vitest";

import { cellOf, contributionsOf, rowOf } from "./dense";

it("contributionsOf sorts by size, sign aside, and adds up", () => {
  const matrix = { shape: [2, 3], values: Float32Array.of(9, 9, 9, 1, -4, 2) };
  const { products, order, sum } = contributionsOf(rowOf(matrix, 1), Float32Array.of(1, 1, 0.5));
  expect([...products]).toEqual([1, -4, 1]);
  expect(order).toEqual([1, 0, 2]);
  expect(sum).toBe(-2);
});

it("cellOf finds the channel, the row and the column", () => {
  expect(cellOf(0, [10, 5, 4])).toEqual({ channel: 0, y: 0, x: 0 });
  expect(cellOf(27, [10, 5, 4])).toEqual({ channel: 1, y: 1, x: 3 });
  expect(cellOf(7, [10])).toEqual({ channel: 7, y: 0, x: 0 });
});
