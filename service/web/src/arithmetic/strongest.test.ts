import { expect, it } from "vitest";

import { strongestOf } from "./strongest";

it("puts the largest first, sign aside, and adds up the others", () => {
  expect(strongestOf([1, -4, 0.5, 3], 2)).toEqual({ first: [1, 3], restCount: 2, restSum: 1.5 });
});

it("leaves nothing over where all fit, and keeps the order of equals", () => {
  expect(strongestOf([2, -2], 3)).toEqual({ first: [0, 1], restCount: 0, restSum: 0 });
  expect(strongestOf([], 2)).toEqual({ first: [], restCount: 0, restSum: 0 });
});
