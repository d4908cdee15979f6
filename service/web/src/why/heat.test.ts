import { expect, test } from "vitest";
import { scaleOf } from "../scale";
import { blend } from "./heat";

const grey = { shape: [1, 1, 3], values: Float32Array.of(0, 0, 255) };

test("where the map says nothing, the paled picture is seen", () => {
  const pixels = blend(grey, Float32Array.of(0, 0, 0), scaleOf(-1, 1, "light"), 1, "light");
  expect([...pixels.slice(0, 4)]).toEqual([135, 135, 135, 255]);
  expect([...pixels.slice(8)]).toEqual([240, 240, 240, 255]);
});

test("where it says most, the legend's colour; red against, blue for", () => {
  const scale = scaleOf(-1, 1, "light");
  const pixels = blend(grey, Float32Array.of(1, -1, 0), scale, 1, "light");
  expect([...pixels.slice(0, 3)]).toEqual([0, 8, 16].map((shift) => (scale.colour(1) >>> shift) & 255));
  expect(pixels[2]).toBeGreaterThan(pixels[0] ?? 0);
  expect(pixels[4]).toBeGreaterThan(pixels[6] ?? 0);
});

test("without opacity only the picture", () => {
  const pixels = blend(grey, Float32Array.of(1, -1, 1), scaleOf(-1, 1, "dark"), 0, "dark");
  expect([...pixels.slice(0, 3), ...pixels.slice(8, 11)]).toEqual([0, 0, 0, 105, 105, 105]);
});
