/** Holds the honesty of the colours: zero neutral, both signs equally strong, both ends numbered. */
import { describe, expect, it } from "vitest";

import { scaleOf, ticksOf } from "./scale";

const bytes = (colour: number) => ({
  red: colour & 255,
  green: (colour >> 8) & 255,
  blue: (colour >> 16) & 255,
});

describe.each(["light", "dark"] as const)("scaleOf, %s", (theme) => {
  const scale = scaleOf(-1, 4, theme);

  it("shows zero neutral, positive blue, negative red", () => {
    const zero = bytes(scale.colour(0));
    expect(Math.abs(zero.red - zero.blue)).toBeLessThan(20);
    const positive = bytes(scale.colour(3));
    expect(positive.blue).toBeGreaterThan(positive.red + 20);
    const negative = bytes(scale.colour(-3));
    expect(negative.red).toBeGreaterThan(negative.blue + 20);
  });

  it("is symmetric about zero: the smaller side is no stronger than it is", () => {
    expect(scale.colour(-4)).toBe(scaleOf(-4, 1, theme).colour(-4));
    expect(scale.colour(-1)).not.toBe(scale.colour(-4));
  });

  it("stays at its ends beyond them and is opaque", () => {
    expect(scale.colour(99)).toBe(scale.colour(4));
    expect(scale.colour(0) >>> 24).toBe(255);
  });

  it("shows NaN in a colour that no number has", () => {
    expect(bytes(scale.colour(Number.NaN))).toEqual({ red: 255, green: 0, blue: 255 });
  });
});

describe("ticksOf", () => {
  it("numbers both ends, and zero where there is room", () => {
    expect(ticksOf(scaleOf(-1, 1, "light"))).toEqual([
      { value: -1, position: 0 },
      { value: 0, position: 0.5 },
      { value: 1, position: 1 },
    ]);
    expect(ticksOf(scaleOf(-0.1, 5, "light")).map((tick) => tick.value)).toEqual([-0.1, 5]);
    expect(ticksOf(scaleOf(0, 5, "light")).map((tick) => tick.value)).toEqual([0, 5]);
  });

  it("numbers a constant once", () => {
    expect(ticksOf(scaleOf(2, 2, "light"))).toEqual([{ value: 2, position: 0 }]);
  });
});
