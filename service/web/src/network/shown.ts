/** Turns a layer into the channels that its column has room for: the most active ones of many. */
import type { Layer } from "../api/documents";
import { mapsOf } from "../maps";
import type { Tensor } from "../safetensors";

export interface Shown {
  /** From top to bottom. */
  readonly channels: readonly number[];
  readonly count: number;
}

/** Few channels stay in their own order, so that nothing jumps about from picture to picture. */
export function shownOf(layer: Layer, tensor: Tensor | null, rows: number): Shown {
  const count = tensor ? mapsOf(tensor).count : Math.max(1, layer.output_shape[0] ?? 1);
  const own = Array.from({ length: Math.min(count, rows) }, (_, channel) => channel);
  if (!tensor || count <= rows) return { channels: own, count };
  return { channels: mapsOf(tensor).order.slice(0, rows), count };
}
