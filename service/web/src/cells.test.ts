/** Holds which cells of a scrolled grid are drawn. */
import { expect, it } from "vitest";

import { sightOf } from "./cells";

const cell = { width: 100, height: 100 };

it("draws what is in sight and a screen around it", () => {
  expect(sightOf(2048, cell, { width: 850, height: 500, top: 0 })).toEqual({
    ...{ columns: 8, height: 25600, begin: 0, end: 80 },
  });
  expect(sightOf(2048, cell, { width: 850, height: 500, top: 10000 })).toMatchObject({
    begin: 760,
    end: 880,
  });
});

it("draws no more than there is, and one column where it is narrow", () => {
  expect(sightOf(3, cell, { width: 60, height: 500, top: 0 })).toEqual({
    ...{ columns: 1, height: 300, begin: 0, end: 3 },
  });
  expect(sightOf(0, cell, { width: 60, height: 500, top: 0 })).toMatchObject({ begin: 0, end: 0 });
});
