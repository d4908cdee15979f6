/** Turns a place in a layer into the part of the picture that it depends on, by walking back through the network. */
import type { Layer } from "../api/documents";
import { cellOf } from "../arithmetic/dense";
import { boundsOf, slidingOf, spanOf, type Axis } from "../arithmetic/window";

/** Rows and columns, first and last, both included. */
export interface Region {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

const WINDOWED = new Set<Layer["kind"]>(["conv", "max_pool", "average_pool"]);

const union = (a: Region | undefined, b: Region): Region =>
  a
    ? {
        top: Math.min(a.top, b.top),
        bottom: Math.max(a.bottom, b.bottom),
        left: Math.min(a.left, b.left),
        right: Math.max(a.right, b.right),
      }
    : b;

/** The pixels that a number can depend on, as far as they are in the picture; null where it is made from none. */
export function regionOf(
  layers: readonly Layer[],
  name: string,
  spot: { channel: number; y: number; x: number },
): Region | null {
  const regions = new Map<string, Region>();
  regions.set(name, { top: spot.y, bottom: spot.y, left: spot.x, right: spot.x });
  // Layers are in the order of computation: by the time that one is reached, all that read it have been.
  for (const layer of layers.toReversed()) {
    const region = regions.get(layer.name);
    if (!region) continue;
    layer.inputs.forEach((input, place) => {
      const shape = layer.input_shapes[place] ?? [];
      const before = regionBefore(layer, region, shape, layer.name === name ? spot.channel : null);
      if (before) regions.set(input, union(regions.get(input), before));
    });
  }
  return regions.get("input") ?? null;
}

/** `channel`: of a single number; of a flat layer it says where that number was. */
function regionBefore(
  layer: Layer,
  region: Region,
  shape: readonly number[],
  channel: number | null,
): Region | null {
  const [height, width] = [shape[1] ?? 1, shape[2] ?? 1];
  if (layer.kind === "preprocessing") return region; // the picture's shape has its colours last
  if (layer.kind === "flatten" && channel !== null) {
    const { y, x } = cellOf(channel, shape);
    return { top: y, bottom: y, left: x, right: x };
  }
  const sliding = WINDOWED.has(layer.kind) ? slidingOf(layer, height, width) : null;
  if (sliding) {
    const rows = reach(sliding.rows, region.top, region.bottom);
    const columns = reach(sliding.columns, region.left, region.right);
    return rows && columns && { top: rows[0], bottom: rows[1], left: columns[0], right: columns[1] };
  }
  // Of what has lost its place everything before it counts, and of what it isn't known of too.
  if (layer.receptive_field === null || layer.kind === "conv_transpose")
    return { top: 0, bottom: height - 1, left: 0, right: width - 1 };
  return {
    top: Math.min(region.top, height - 1),
    bottom: Math.min(region.bottom, height - 1),
    left: Math.min(region.left, width - 1),
    right: Math.min(region.right, width - 1),
  };
}

function reach(axis: Axis, first: number, last: number): readonly [number, number] | null {
  const [begin, end] = [boundsOf(spanOf(axis, first)), boundsOf(spanOf(axis, last))];
  if (!begin || !end) return begin ?? end;
  return [Math.min(begin[0], end[0]), Math.max(begin[1], end[1])];
}
