/** Turns one layer's tensor into its channels: two-dimensional maps, their statistics, the most active first. */
import type { Tensor } from "./safetensors";

/** A layer's output as something to draw: maps where it has a height and a width, else one row of numbers. */
export interface Channels {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly values: Float32Array;
}

export interface Statistics {
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
  /** Mean of the absolute values: how much the channel has to say about this picture. */
  readonly activity: number;
}

/** Leading dimensions beyond [C, H, W] count as channels; [C, L] is C maps of one row. */
export function channelsOf({ shape, values }: Tensor): Channels {
  const width = shape.length > 1 ? (shape.at(-1) ?? 1) : 1;
  const height = shape.length > 2 ? (shape.at(-2) ?? 1) : 1;
  return { count: values.length / (width * height || 1), height, width, values };
}

/** One number per channel: a vector, whether its shape is [K] or [K, 1, 1]. */
export function isVector(channels: Channels): boolean {
  return channels.height * channels.width === 1;
}

export function mapOf(channels: Channels, channel: number): Float32Array {
  const size = channels.height * channels.width;
  return channels.values.subarray(channel * size, (channel + 1) * size);
}

export function statisticsOf(values: Float32Array): Statistics {
  let minimum = Infinity;
  let maximum = -Infinity;
  let sum = 0;
  let absolute = 0;
  for (const value of values) {
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
    sum += value;
    absolute += Math.abs(value);
  }
  const count = values.length || 1;
  return { minimum, maximum, mean: sum / count, activity: absolute / count };
}

export function isDead({ minimum, maximum }: Statistics): boolean {
  return minimum === 0 && maximum === 0;
}

/** Channel numbers, most active first; equal ones in their own order, so that nothing jumps about. */
export function byActivity(statistics: readonly Statistics[]): number[] {
  const order = statistics.map((_, channel) => channel);
  const activity = (channel: number): number => statistics[channel]?.activity ?? 0;
  return order.sort((a, b) => activity(b) - activity(a) || a - b);
}

/** Cells of one row before a vector breaks into several. */
const LONGEST_ROW = 128;

/** How a long vector is laid out: rows of equal length, the last one perhaps shorter. */
export function gridOf(count: number): { rows: number; columns: number } {
  const rows = Math.max(1, Math.ceil(count / LONGEST_ROW));
  return { rows, columns: Math.ceil(count / rows) };
}

/** A tensor read as maps, with what is known of each. */
export interface Maps extends Channels {
  readonly statistics: readonly Statistics[];
  readonly whole: Statistics;
  /** Channel numbers, most active first. */
  readonly order: readonly number[];
}

const known = new WeakMap<Tensor, Maps>();

/** Worked out once for each tensor, however many drawings ask. */
export function mapsOf(tensor: Tensor): Maps {
  let maps = known.get(tensor);
  if (!maps) {
    const channels = channelsOf(tensor);
    const statistics = Array.from({ length: channels.count }, (_, channel) =>
      statisticsOf(mapOf(channels, channel)),
    );
    maps = { ...channels, statistics, whole: statisticsOf(tensor.values), order: byActivity(statistics) };
    known.set(tensor, maps);
  }
  return maps;
}
