/** Holds the texts of numbers: rounded where it says so, exact where it says so. */
import { describe, expect, it } from "vitest";

import {
  formatBriefly,
  formatCount,
  formatExactly,
  formatFully,
  formatKind,
  formatShape,
  formatShare,
  formatShort,
} from "./format";

describe("formatShare", () => {
  it.each([
    [0, "0 %"],
    [0.00001, "< 0.01 %"],
    [0.0005, "0.05 %"],
    [0.123, "12.3 %"],
    [0.5, "50 %"],
    [0.9987, "99.87 %"],
    [0.99999, "> 99.99 %"],
    [1, "100 %"],
  ])("%f is %s", (share, text) => expect(formatShare(share)).toBe(text));
});

describe("formatShort", () => {
  it.each([
    [0, "0"],
    [-1.23456, "−1.23"],
    [12345, "12300"],
    [0.00001234, "1.23e−5"],
    [Number.NaN, "NaN"],
    [Number.NEGATIVE_INFINITY, "−∞"],
  ])("%f is %s", (value, text) => expect(formatShort(value)).toBe(text));
});

describe("formatExactly", () => {
  it("gives back the same float32, for any", () => {
    for (const value of [0.1, -1 / 3, 1e-30, 16777216, 3.4e38, 0]) {
      const single = Math.fround(value);
      expect(Math.fround(Number(formatExactly(single).replace("−", "-")))).toBe(single);
    }
  });

  it("invents no digits", () => {
    expect(formatExactly(Math.fround(0.1))).toBe("0.1");
    expect(formatExactly(Math.fround(-2.5))).toBe("−2.5");
  });
});

it("counts, shapes and kinds read as a person writes them", () => {
  expect(formatCount(61706)).toBe("61,706");
  expect(formatShape([6, 28, 28])).toBe("6 × 28 × 28");
  expect(formatShape([3, 0, 0])).toBe("3 × ? × ?");
  expect(formatKind("global_average_pool")).toBe("global average pool");
});

describe("formatBriefly", () => {
  it.each([
    [0, "0"],
    [-0.04412, "−0.044"],
    [0.000712, "7e−4"],
    [1.23456, "1.23"],
  ])("%f is %s", (value, text) => expect(formatBriefly(value)).toBe(text));
});

it("formatFully leaves no digit out", () => {
  expect(formatFully(-0.1 - 0.2)).toBe("−0.30000000000000004");
});
