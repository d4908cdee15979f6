/** Holds where a window lies, for strides, pads, dilations and sizes that don't come out even. */
import { describe, expect, it } from "vitest";

import { boundsOf, firstOf, spanOf, wholeOf, type Axis } from "./window";

const plain: Axis = { extent: 3, stride: 1, dilation: 1, begin: 0, end: 0, size: 8 };

describe("spanOf", () => {
  it("is the cells from the place on", () => expect(spanOf(plain, 2)).toEqual([2, 3, 4]));

  it("is null in the padding, on both sides", () => {
    const padded = { ...plain, begin: 1, end: 1 };
    expect(spanOf(padded, 0)).toEqual([null, 0, 1]);
    expect(spanOf(padded, 7)).toEqual([6, 7, null]);
    expect(firstOf(padded, 0)).toBe(-1);
  });

  it("goes by the stride and stretches by the dilation", () => {
    expect(spanOf({ ...plain, stride: 2, dilation: 2, begin: 2 }, 1)).toEqual([0, 2, 4]);
    expect(spanOf({ ...plain, stride: 3, dilation: 2, begin: 2 }, 0)).toEqual([null, 0, 2]);
  });

  it("may lie beyond the input all over", () => {
    const beyond = { ...plain, extent: 2, begin: 3 };
    expect(spanOf(beyond, 0)).toEqual([null, null]);
    expect(boundsOf(spanOf(beyond, 0))).toBeNull();
  });
});

it("boundsOf is the first and the last within the input", () =>
  expect(boundsOf([null, 0, 2])).toEqual([0, 2]));

it("wholeOf covers the map from its only place", () =>
  expect(spanOf(wholeOf(2, 3).columns, 0)).toEqual([0, 1, 2]));
