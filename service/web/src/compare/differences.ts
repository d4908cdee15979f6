/** Turns what two networks, or one of two pictures, computed in a layer into the differences of its channels. */
import type { Layer, Prediction } from "../api/documents";
import { mapOf, type Channels } from "../maps";

export interface Difference {
  readonly channel: number;
  /** Right minus left. */
  readonly values: Float32Array;
  /** Mean of the absolute values. */
  readonly size: number;
}

/** Most different first; equal ones in their own order. */
export function differencesOf(left: Channels, right: Channels): Difference[] {
  const differences = Array.from({ length: Math.min(left.count, right.count) }, (_, channel) => {
    const [before, after] = [mapOf(left, channel), mapOf(right, channel)];
    const values = after.map((value, index) => value - (before[index] ?? 0));
    const size = values.reduce((sum, value) => sum + Math.abs(value), 0) / (values.length || 1);
    return { channel, values, size };
  });
  return differences.sort((a, b) => b.size - a.size || a.channel - b.channel);
}

/** Layers that both have under one name and in one shape, in the order of the left one. */
export function commonLayers(left: readonly Layer[], right: readonly Layer[]): Layer[] {
  const shapes = new Map(right.map(({ name, output_shape }) => [name, output_shape.join()]));
  return left.filter(({ name, output_shape }) => shapes.get(name) === output_shape.join());
}

export interface AnswerPair {
  readonly label: string;
  /** Null: it isn't among that side's most probable ones, or that side has no such label. */
  readonly left: number | null;
  readonly right: number | null;
}

/** The labels that either side finds most probable, the most probable of both first. */
export function pairsOf(
  left: readonly Prediction[],
  right: readonly Prediction[],
  count: number,
): AnswerPair[] {
  const of = (predictions: readonly Prediction[], label: string): number | null =>
    predictions.find((each) => each.label === label)?.probability ?? null;
  const labels = new Set([...left.slice(0, count), ...right.slice(0, count)].map(({ label }) => label));
  const pairs = [...labels].map((label) => ({ label, left: of(left, label), right: of(right, label) }));
  const height = (pair: AnswerPair): number => Math.max(pair.left ?? 0, pair.right ?? 0);
  return pairs.sort((a, b) => height(b) - height(a));
}
