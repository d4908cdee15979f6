import { describe, expect, test } from "vitest";
import { nearest, pathOf, placeOf, rangeOf, ticksOf, widened } from "./chart";
import { cellOf, confusedPairs, mistakesOf, neighbour, picturesOf, shadeOf } from "./confusions";

describe("a chart", () => {
  test("has round ticks within its range", () => {
    expect(ticksOf({ from: 0, to: 1 }, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticksOf({ from: 0.9931, to: 0.9957 }, 3)).toEqual([0.994, 0.995]);
    expect(ticksOf({ from: -3, to: 12 }, 4)).toEqual([0, 5, 10]);
    expect(ticksOf({ from: 2, to: 2 }, 4)).toEqual([]);
  });
  test("has room where there is one value, and none beyond its bounds", () => {
    expect(rangeOf([2])).toEqual({ from: 1, to: 3 });
    expect(rangeOf([])).toEqual({ from: 0, to: 1 });
    expect(widened({ from: 0.5, to: 1 }, 0.1, { from: 0, to: 1 })).toEqual({ from: 0.45, to: 1 });
  });
  test("puts points on the sheet and finds the nearest", () => {
    expect(placeOf(5, { from: 0, to: 10 }, 100, 0)).toBe(50);
    expect(pathOf([{ x: 0, y: 1 }, { x: 2.006, y: 3 }])).toBe("M0 1L2.01 3"); // prettier-ignore
    expect(nearest([{ x: 0, y: 0 }, { x: 10, y: 0 }], 6)).toBe(1); // prettier-ignore
  });
});

describe("confusions", () => {
  const matrix = [[8, 2, 0], [1, 9, 0], [0, 0, 0]]; // prettier-ignore
  test("shade right answers by their share, wrong ones beside the worst", () => {
    expect(shadeOf(matrix, { row: 0, column: 0 })).toBe(0.8);
    expect(shadeOf(matrix, { row: 0, column: 1 })).toBeCloseTo(0.8);
    expect(shadeOf(matrix, { row: 0, column: 2 })).toBe(0);
    expect(shadeOf(matrix, { row: 2, column: 2 }), "no picture of it").toBe(0);
  });
  test("are listed most often first", () => {
    expect(confusedPairs(matrix, 5)).toEqual([
      { row: 0, column: 1, pictures: 2, share: 0.2 },
      { row: 1, column: 0, pictures: 1, share: 0.1 },
    ]);
  });
  test("have pictures", () => {
    const picture = (label: string, answered: string) => ({ url: "", label, answered, probability: 1 });
    const pictures = [picture("a", "b"), picture("a", "a"), picture("b", "a")];
    expect(picturesOf(pictures, "a", "b")).toEqual([pictures[0]]);
    expect(mistakesOf(pictures)).toEqual([pictures[0], pictures[2]]);
  });
  test("are walked by arrow keys and kept in the URL", () => {
    expect(cellOf("1.2", 3)).toEqual({ row: 1, column: 2 });
    expect(cellOf("1.3", 3)).toBeNull();
    expect(cellOf("x", 3)).toBeNull();
    expect(neighbour({ row: 1, column: 1 }, "ArrowUp", 3)).toEqual({ row: 0, column: 1 });
    expect(neighbour({ row: 0, column: 2 }, "ArrowRight", 3)).toBeNull();
    expect(neighbour({ row: 0, column: 2 }, "Enter", 3)).toBeNull();
  });
});
