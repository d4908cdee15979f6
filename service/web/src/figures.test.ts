import { expect, test } from "vitest";
import type { Layer, Layers, LayerStatistics, Timings } from "./api/documents";
import { figuresOf, rowsInSight, sortFigures, totalsOf } from "./figures";

function layer(name: string, output_shape: number[], change: Partial<Layer> = {}): Layer {
  return {
    name,
    kind: "conv",
    operator: "Conv",
    inputs: [],
    input_shapes: [],
    output_shape,
    parameters: 0,
    macs: 0,
    receptive_field: [3, 3],
    jump: [1, 1],
    attributes: {},
    ...change,
  };
}

const statistics = (zero_share: number, dead_channels: number): LayerStatistics => ({
  minimum: 0,
  maximum: 1,
  mean: 0,
  standard_deviation: 1,
  zero_share,
  dead_channels,
});

const LAYERS: Layers = {
  model: "m",
  version: 1,
  layers: [
    layer("b", [4, 2, 2], { parameters: 10, macs: 5 }),
    layer("a", [2, 2, 2], { parameters: 30, macs: 5 }),
    layer("c", [8], { kind: "dense", receptive_field: null }),
  ],
  totals: { parameters: 40, macs: 10 },
};
const KNOWN = new Map([
  ["b", statistics(0.5, 1)],
  ["a", statistics(0, 0)],
  ["c", statistics(0.25, 2)],
]);
const TIMINGS: Timings = {
  model: "m",
  version: 1,
  threads: 1,
  runs: 3,
  layers: [
    { name: "b", kind: "conv", milliseconds: 2 },
    { name: "a", kind: "conv", milliseconds: 1 },
  ],
  whole_milliseconds: 3.5,
  optimised_milliseconds: 1,
};

const names = (...of: Parameters<typeof sortFigures>): string[] =>
  sortFigures(...of).map((row) => row.layer.name);

test("a layer has its figures, and none where nothing is known or meant", () => {
  const [b, , c] = figuresOf(LAYERS, KNOWN, TIMINGS);
  expect(b).toMatchObject({ order: 1, channels: 4, zeros: 0.5, deadChannels: 1, milliseconds: 2 });
  expect(c).toMatchObject({ channels: null, zeros: 0.25, deadChannels: null, milliseconds: null });
  expect(figuresOf(LAYERS, new Map(), null)[0]).toMatchObject({ zeros: null, milliseconds: null });
});

test("rows are sorted either way, equal ones in the order of computation, unknown ones last", () => {
  const rows = figuresOf(LAYERS, KNOWN, TIMINGS);
  expect(names(rows, "name", false)).toEqual(["a", "b", "c"]);
  expect(names(rows, "macs", true)).toEqual(["b", "a", "c"]);
  expect(names(rows, "time", true)).toEqual(["b", "a", "c"]);
  expect(names(rows, "time", false)).toEqual(["a", "b", "c"]);
  expect(names(rows, "dead", true)).toEqual(["b", "a", "c"]);
  expect(names(rows, "field", true), "the whole picture is the largest field").toEqual(["c", "b", "a"]);
});

test("totals weigh shares by what they are shares of", () => {
  const totals = totalsOf(figuresOf(LAYERS, KNOWN, TIMINGS), LAYERS.totals);
  expect(totals).toMatchObject({ parameters: 40, macs: 10, values: 32, channels: 6, deadChannels: 1 });
  expect(totals.zeros).toBeCloseTo((16 * 0.5 + 8 * 0.25) / 32);
  expect(totals.milliseconds).toBe(3);
  expect(totalsOf(figuresOf(LAYERS, new Map(), null), LAYERS.totals)).toMatchObject({
    zeros: null,
    deadChannels: null,
    milliseconds: null,
  });
});

test("only rows in sight, and some to spare, have to be there", () => {
  expect(rowsInSight(671, 30, 0, 600, 5)).toEqual([0, 25]);
  expect(rowsInSight(671, 30, 3000, 600, 5)).toEqual([95, 125]);
  expect(rowsInSight(671, 30, 20_130, 600, 5)).toEqual([666, 671]);
  expect(rowsInSight(3, 30, 0, 600, 5)).toEqual([0, 3]);
});
