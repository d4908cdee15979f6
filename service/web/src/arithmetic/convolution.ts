/** Turns an input's maps and one filter into windows, products, sums and maps, in float64 and at once. */
import type { Layer } from "../api/documents";
import type { Channels } from "../maps";
import type { LayerWeights } from "../weights.svelte";
import { firstOf, slidingOf, spanOf, type Axis, type Sliding } from "./window";

/** One channel of a convolution: a filter, and the maps that it reads. */
export interface Convolution {
  readonly input: Channels;
  readonly sliding: Sliding;
  /** Of the input's channels, the first that the filter reads, and how many. */
  readonly first: number;
  readonly reads: number;
  /** The filter's slices one after the other, rows first. */
  readonly filter: Float32Array;
  /** null where the layer has none. */
  readonly bias: number | null;
  /** Of the output. */
  readonly height: number;
  readonly width: number;
}

/** One slice of the filter at one place. */
export interface WindowProducts {
  /** Rows of cells; null beyond the input, which counts as 0. */
  readonly inputs: readonly (number | null)[];
  readonly products: readonly number[];
  readonly sum: number;
}

/** null where it isn't a convolution of maps with a filter that the file has. */
export function convolutionOf(
  layer: Layer,
  channel: number,
  input: Channels,
  weights: LayerWeights,
): Convolution | null {
  const weight = weights.get("weight");
  const sliding = slidingOf(layer, input.height, input.width);
  const [filters = 0, reads = 0] = weight?.shape ?? [];
  if (!weight || !sliding || !filters || !reads || weight.shape.length !== 4) return null;
  const [height = 0, width = 0] = layer.output_shape.slice(1);
  const groups = input.count / reads;
  const size = reads * sliding.rows.extent * sliding.columns.extent;
  return {
    ...{ input, sliding, reads, height, width },
    first: Math.floor(channel / (filters / groups)) * reads,
    filter: weight.values.subarray(channel * size, (channel + 1) * size),
    bias: weights.get("bias")?.values[channel] ?? null,
  };
}

/** The slice of the filter for one of the maps that it reads, counted from the first of them. */
export function kernelOf({ filter, sliding }: Convolution, read: number): Float32Array {
  const size = sliding.rows.extent * sliding.columns.extent;
  return filter.subarray(read * size, (read + 1) * size);
}

export function windowAt(convolution: Convolution, read: number, y: number, x: number): WindowProducts {
  const { input, sliding, first } = convolution;
  const kernel = kernelOf(convolution, read);
  const begin = (first + read) * input.height * input.width;
  const columns = spanOf(sliding.columns, x);
  const inputs = spanOf(sliding.rows, y).flatMap((row) =>
    columns.map((column) =>
      row === null || column === null ? null : (input.values[begin + row * input.width + column] ?? null),
    ),
  );
  const products = inputs.map((value, cell) => (value ?? 0) * (kernel[cell] ?? 0));
  return { inputs, products, sum: products.reduce((sum, product) => sum + product, 0) };
}

/** The sum of the products of each slice at one place, all slices in order. */
export function sumsAt(convolution: Convolution, y: number, x: number): Float64Array {
  const sums = new Float64Array(convolution.reads);
  for (let read = 0; read < sums.length; read++) sums[read] = sumAt(convolution, read, y, x);
  return sums;
}

export function totalOf(sums: Float64Array, bias: number | null): number {
  return sums.reduce((total, sum) => total + sum, 0) + (bias ?? 0);
}

/** What one slice alone makes of its map: the result before the slices are added up. */
export function partialMap(convolution: Convolution, read: number): Float32Array {
  const { height, width } = convolution;
  const map = new Float32Array(height * width);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) map[y * width + x] = sumAt(convolution, read, y, x);
  return map;
}

/** Multiplications after which places are left out: the order of many channels is to be seen at once. */
const MOST_PRODUCTS = 4e6;

/** How much each slice has to say over the whole map: the mean size of its sums. */
export function strengthsOf(convolution: Convolution): Float64Array {
  const { height, width, reads, filter } = convolution;
  const every = Math.max(1, Math.ceil((height * width * filter.length) / MOST_PRODUCTS));
  const strengths = new Float64Array(reads);
  for (let read = 0; read < reads; read++)
    for (let place = 0; place < height * width; place += every) {
      const sum = sumAt(convolution, read, Math.floor(place / width), place % width);
      strengths[read] = (strengths[read] ?? 0) + Math.abs(sum);
    }
  return strengths;
}

/** Without a list made on the way: it runs for each place of each map. */
function sumAt({ input, sliding, first, filter }: Convolution, read: number, y: number, x: number): number {
  const { rows, columns } = sliding;
  const map = (first + read) * input.height * input.width;
  const kernel = read * rows.extent * columns.extent;
  let sum = 0;
  for (let down = 0; down < rows.extent; down++) {
    const row = placeOf(rows, y, down);
    if (row < 0 || row >= rows.size) continue;
    for (let across = 0; across < columns.extent; across++) {
      const column = placeOf(columns, x, across);
      if (column < 0 || column >= columns.size) continue;
      const weight = filter[kernel + down * columns.extent + across] ?? 0;
      sum += (input.values[map + row * input.width + column] ?? 0) * weight;
    }
  }
  return sum;
}

const placeOf = (axis: Axis, at: number, cell: number): number => firstOf(axis, at) + cell * axis.dilation;
