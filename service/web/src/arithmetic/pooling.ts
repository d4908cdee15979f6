/** Turns a map and a pooling layer into the window at a place, and what of it is taken. */
import type { Layer } from "../api/documents";
import type { Channels } from "../maps";
import { firstOf, slidingOf, spanOf, wholeOf, type Axis, type Sliding, type Span } from "./window";

export interface Pooling {
  readonly operation: "max" | "mean";
  readonly sliding: Sliding;
  readonly countsPadding: boolean;
}

export interface PooledWindow {
  readonly rows: Span;
  readonly columns: Span;
  /** Rows of cells; null beyond the map. */
  readonly inputs: readonly (number | null)[];
  /** The cell that won; null for a mean. */
  readonly chosen: number | null;
  readonly sum: number;
  /** How many cells a mean counts. */
  readonly divisor: number;
  readonly value: number;
}

export function poolingOf(layer: Layer, height: number, width: number): Pooling | null {
  const isGlobal = layer.kind === "global_average_pool" || layer.kind === "global_max_pool";
  const sliding = isGlobal ? wholeOf(height, width) : slidingOf(layer, height, width);
  const isMaximum = layer.kind === "max_pool" || layer.kind === "global_max_pool";
  return (
    sliding && {
      sliding,
      operation: isMaximum ? "max" : "mean",
      countsPadding: layer.attributes["count_include_pad"] === 1,
    }
  );
}

export function pooledAt(
  pooling: Pooling,
  channels: Channels,
  channel: number,
  y: number,
  x: number,
): PooledWindow {
  const rows = spanOf(pooling.sliding.rows, y);
  const columns = spanOf(pooling.sliding.columns, x);
  const begin = channel * channels.height * channels.width;
  const inputs = rows.flatMap((row) =>
    columns.map((column) =>
      row === null || column === null
        ? null
        : (channels.values[begin + row * channels.width + column] ?? null),
    ),
  );
  let [sum, count, chosen] = [0, 0, null as number | null];
  for (const [cell, value] of inputs.entries()) {
    if (value === null) continue;
    sum += value;
    count += 1;
    if (chosen === null || value > (inputs[chosen] ?? -Infinity)) chosen = cell;
  }
  const divisor = pooling.countsPadding
    ? coveredBy(pooling.sliding.rows, y) * coveredBy(pooling.sliding.columns, x)
    : count;
  const isMaximum = pooling.operation === "max";
  const value = isMaximum ? (chosen === null ? -Infinity : (inputs[chosen] ?? 0)) : sum / divisor;
  return { rows, columns, inputs, chosen: isMaximum ? chosen : null, sum, divisor, value };
}

/** Cells of the window along one axis that lie in the input or its padding: it may reach beyond both. */
function coveredBy(axis: Axis, at: number): number {
  const first = firstOf(axis, at);
  let count = 0;
  for (let cell = 0; cell < axis.extent; cell++) {
    const place = first + cell * axis.dilation;
    if (place >= -axis.begin && place < axis.size + axis.end) count += 1;
  }
  return count;
}
