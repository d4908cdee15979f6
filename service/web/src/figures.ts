/** Turns the layer table, a picture's statistics and the times of a run into rows that can be sorted, and their totals. */
import type { Layer, LayerStatistics, Layers, Timings } from "./api/documents";

/** A layer's figures; null where they aren't known, or mean nothing. */
export interface LayerFigures {
  /** Place in the order of computation, from 1. */
  readonly order: number;
  readonly layer: Layer;
  readonly channels: number | null;
  /** Share of values that are exactly 0 for this picture. */
  readonly zeros: number | null;
  readonly deadChannels: number | null;
  readonly milliseconds: number | null;
}

export const COLUMNS = [
  "order",
  "name",
  "kind",
  "shape",
  "parameters",
  "macs",
  "field",
  "zeros",
  "dead",
  "time",
] as const;
export type Column = (typeof COLUMNS)[number];

export function columnOf(text: string | null): Column {
  return COLUMNS.find((column) => column === text) ?? "order";
}

/** Texts begin with A, places with the first, amounts with the largest. */
export function startsDescending(column: Column): boolean {
  return !["order", "name", "kind"].includes(column);
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

export function figuresOf(
  { layers }: Layers,
  statistics: ReadonlyMap<string, LayerStatistics>,
  timings: Timings | null,
): LayerFigures[] {
  const times = new Map(timings?.layers.map(({ name, milliseconds }) => [name, milliseconds]));
  return layers.map((layer, index) => {
    const known = statistics.get(layer.name);
    // Of a row of numbers each is a channel: its zeros say the same.
    const channels = layer.output_shape.length === 3 ? (layer.output_shape[0] ?? null) : null;
    return {
      order: index + 1,
      layer,
      channels,
      zeros: known?.zero_share ?? null,
      deadChannels: channels === null ? null : (known?.dead_channels ?? null),
      milliseconds: times.get(layer.name) ?? null,
    };
  });
}

/** What a column is sorted by; null goes last whichever way. */
function keyOf(column: Column, { order, layer, channels, zeros, deadChannels, milliseconds }: LayerFigures) {
  switch (column) {
    case "order":
      return order;
    case "name":
    case "kind":
      return layer[column];
    case "shape":
      return sizeOf(layer.output_shape);
    case "parameters":
    case "macs":
      return layer[column];
    case "field":
      return layer.receptive_field ? sizeOf(layer.receptive_field) : Infinity;
    case "zeros":
      return zeros;
    case "dead":
      return deadChannels === null || !channels ? null : deadChannels / channels;
    case "time":
      return milliseconds;
  }
}

export function sortFigures(
  rows: readonly LayerFigures[],
  column: Column,
  descending: boolean,
): LayerFigures[] {
  const way = descending ? -1 : 1;
  const keyed = rows.map((row) => ({ row, key: keyOf(column, row) }));
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return Number(a.key === null) - Number(b.key === null);
    const before = a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
    return before * way || a.row.order - b.row.order;
  });
  return keyed.map(({ row }) => row);
}

export interface Totals {
  readonly parameters: number;
  readonly macs: number;
  readonly values: number;
  /** Share of all layers' values. */
  readonly zeros: number | null;
  readonly channels: number;
  readonly deadChannels: number | null;
  readonly milliseconds: number | null;
}

export function totalsOf(rows: readonly LayerFigures[], { parameters, macs }: Layers["totals"]): Totals {
  const values = rows.reduce((sum, { layer }) => sum + sizeOf(layer.output_shape), 0);
  const counted = rows.filter(({ zeros }) => zeros !== null);
  const zero = counted.reduce((sum, { layer, zeros }) => sum + (zeros ?? 0) * sizeOf(layer.output_shape), 0);
  const maps = rows.filter(({ deadChannels }) => deadChannels !== null);
  const timed = rows.filter(({ milliseconds }) => milliseconds !== null);
  return {
    parameters,
    macs,
    values,
    zeros: counted.length ? zero / values : null,
    channels: maps.reduce((sum, { channels }) => sum + (channels ?? 0), 0),
    deadChannels: maps.length ? maps.reduce((sum, { deadChannels }) => sum + (deadChannels ?? 0), 0) : null,
    milliseconds: timed.length ? timed.reduce((sum, { milliseconds }) => sum + (milliseconds ?? 0), 0) : null,
  };
}

/** What a full bar stands for. */
export function largestOf(
  rows: readonly LayerFigures[],
): Pick<Layer, "parameters" | "macs"> & { milliseconds: number } {
  return {
    parameters: Math.max(0, ...rows.map(({ layer }) => layer.parameters)),
    macs: Math.max(0, ...rows.map(({ layer }) => layer.macs)),
    milliseconds: Math.max(0, ...rows.map(({ milliseconds }) => milliseconds ?? 0)),
  };
}

/** Which rows of equal height have to be there for what is in sight, with some to spare on both sides. */
export function rowsInSight(
  count: number,
  height: number,
  top: number,
  sight: number,
  spare = 12,
): [number, number] {
  const first = Math.max(0, Math.min(count, Math.floor(top / height)) - spare);
  return [first, Math.min(count, Math.ceil((top + sight) / height) + spare)];
}
