import { expect, test } from "vitest";
import { areaUnder, nothingOf, orderByImportance, randomOrder, SHARES, without } from "./deletion";

test("the most important pixels come first, and each pixel once", () => {
  const order = orderByImportance(Float32Array.of(0, 3, -1, 0, 2));
  expect([...order.slice(0, 2)]).toEqual([1, 4]);
  expect(order.at(-1)).toBe(2);
  expect([...order].sort()).toEqual([0, 1, 2, 3, 4]);
});

test("pixels that are equally important don't go from top to bottom", () => {
  const order = orderByImportance(new Float32Array(100));
  expect([...order]).not.toEqual([...order].sort((a, b) => a - b));
});

test("the same seed gives the same order, another one another", () => {
  expect(randomOrder(50, 1)).toEqual(randomOrder(50, 1));
  expect(randomOrder(50, 1)).not.toEqual(randomOrder(50, 2));
  expect([...randomOrder(50, 3)].sort((a, b) => a - b)).toEqual([...Array(50).keys()]);
});

test("a share of the pixels becomes nothing in all channels; the picture itself stays as it is", () => {
  const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6);
  const order = Uint32Array.of(1, 0);
  expect([...without(pixels, order, 0.5, [9, 9, 9])]).toEqual([1, 2, 3, 9, 9, 9]);
  expect([...without(pixels, order, 1, [0, 0, 0])]).toEqual([0, 0, 0, 0, 0, 0]);
  expect([...pixels]).toEqual([1, 2, 3, 4, 5, 6]);
});

test("nothing is black, or the mean of each colour", () => {
  const pixels = Uint8Array.of(0, 10, 20, 100, 30, 20);
  expect(nothingOf("black", pixels, 3)).toEqual([0, 0, 0]);
  expect(nothingOf("mean", pixels, 3)).toEqual([50, 20, 20]);
});

test("the area under a curve that stays at one is one", () => {
  expect(areaUnder(SHARES.map(() => 1))).toBeCloseTo(1);
  expect(areaUnder(SHARES.map((share) => 1 - share))).toBeCloseTo(0.5);
});
