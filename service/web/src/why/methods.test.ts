import { expect, test } from "vitest";
import { figuresOf, methodOf, METHOD_NAMES } from "./methods";

test("an unknown method is the usual one", () => {
  expect(methodOf("score-cam")).toBe("score-cam");
  expect(methodOf("nonsense")).toBe("grad-cam");
  expect(methodOf(null)).toBe("grad-cam");
  expect(METHOD_NAMES).toHaveLength(7);
});

test("figures are told in words, and what everybody sees anyway is left out", () => {
  const figures = figuresOf({
    model: "digits",
    completeness_error: "0.00123",
    map: "[7, 7]",
    sum: "-12.34567",
  });
  expect(figures).toEqual([
    { name: "sum of the map", text: "−12.35" },
    { name: "the sum misses", text: "0.12 %" },
    { name: "size of the maps", text: "7 × 7" },
  ]);
});
