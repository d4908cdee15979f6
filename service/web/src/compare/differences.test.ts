import { expect, test } from "vitest";
import type { Layer } from "../api/documents";
import { commonLayers, differencesOf, pairsOf } from "./differences";

test("channels that differ most come first, and a difference is right minus left", () => {
  const left = { count: 3, height: 1, width: 2, values: Float32Array.of(1, 1, 0, 0, 5, 5) };
  const right = { count: 3, height: 1, width: 2, values: Float32Array.of(1, 2, -3, 3, 5, 5) };
  const differences = differencesOf(left, right);
  expect(differences.map(({ channel }) => channel)).toEqual([1, 0, 2]);
  expect([...(differences[0]?.values ?? [])]).toEqual([-3, 3]);
  expect(differences.map(({ size }) => size)).toEqual([3, 0.5, 0]);
});

test("layers are the same by name and shape", () => {
  const layer = (name: string, ...output_shape: number[]): Layer => ({ name, output_shape }) as Layer;
  const left = [layer("conv", 6, 4, 4), layer("relu", 6, 4, 4), layer("dense", 10)];
  const right = [layer("conv", 8, 4, 4), layer("relu", 6, 4, 4), layer("dense", 10)];
  expect(commonLayers(left, right).map(({ name }) => name)).toEqual(["relu", "dense"]);
});

test("answers are paired by label", () => {
  const of = (...pairs: [string, number][]): { label: string; index: number; probability: number }[] =>
    pairs.map(([label, probability], index) => ({ label, index, probability }));
  expect(pairsOf(of(["a", 0.9], ["b", 0.1]), of(["c", 0.95], ["b", 0.05]), 2)).toEqual([
    { label: "c", left: null, right: 0.95 },
    { label: "a", left: 0.9, right: null },
    { label: "b", left: 0.1, right: 0.05 },
  ]);
});
