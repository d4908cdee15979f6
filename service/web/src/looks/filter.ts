/** Turns a layer's weights into the filter of one channel: a kernel for each thing that it reads. */
import type { Layer } from "../api/documents";
import type { LayerWeights } from "../weights.svelte";

export interface Kernel {
  /** The number of the channel that it reads. */
  readonly input: number;
  readonly values: Float32Array;
  /** The root of the sum of its squares: how much it can matter. */
  readonly size: number;
}

export interface Filter {
  readonly rows: number;
  readonly columns: number;
  /** In the order of what they read. */
  readonly kernels: readonly Kernel[];
  readonly bias: number | null;
}

/** Kinds that give every channel back as the same channel, changed but not mixed with others. */
const KEEPS_CHANNELS = new Set<Layer["kind"]>([
  ...(["batch_norm", "relu", "leaky_relu", "sigmoid", "tanh", "silu", "gelu", "hard_swish", "clip"] as const),
  ...(["max_pool", "average_pool", "global_average_pool", "global_max_pool", "lrn", "dropout"] as const),
]);

/** The layer whose filter makes a layer's channels: itself, or what it only passes on; null where they are mixed. */
export function filteringLayer(layers: readonly Layer[], layer: Layer): Layer | null {
  if (layer.kind === "conv" || layer.kind === "dense") return layer;
  if (!KEEPS_CHANNELS.has(layer.kind)) return null;
  const before = layers.find(({ name }) => name === layer.inputs[0]);
  return before ? filteringLayer(layers, before) : null;
}

/** Whether a layer's filters lie on the picture itself, or on what only its preprocessing changed. */
export function readsPicture(layers: readonly Layer[], layer: Layer): boolean {
  return layer.inputs.every((name) => {
    if (name === "input") return true;
    const before = layers.find((each) => each.name === name);
    return (
      before !== undefined && ["preprocessing", "pad"].includes(before.kind) && readsPicture(layers, before)
    );
  });
}

/** The filter of a channel of a convolution or of a dense layer; null where its weights have another form. */
export function filterOf(
  layers: readonly Layer[],
  layer: Layer,
  channel: number,
  weights: LayerWeights,
): Filter | null {
  const weight = weights.get("weight");
  const bias = weights.get("bias")?.values[channel] ?? null;
  if (!weight || channel >= (weight.shape[0] ?? 0)) return null;
  const each = weight.values.length / (weight.shape[0] ?? 1);
  const own = weight.values.subarray(channel * each, (channel + 1) * each);
  const flat = layer.kind === "dense" ? mapsBefore(layers, layer, each) : null;
  const [rows = 1, columns = 1] = flat ?? weight.shape.slice(2);
  const area = rows * columns;
  const reads = own.length / area;
  const first = layer.kind === "conv" ? firstRead(layer, channel, reads) : 0;
  const kernels = Array.from({ length: reads }, (_, index) => {
    const values = own.subarray(index * area, (index + 1) * area);
    return { input: first + index, values, size: Math.hypot(...values) };
  });
  return { rows, columns, kernels, bias };
}

/** Of a grouped convolution a channel reads its group's channels only. */
function firstRead(layer: Layer, channel: number, reads: number): number {
  const groups = Number(layer.attributes["group"] ?? 1);
  const channels = layer.output_shape[0] ?? 1;
  return Math.floor(channel / (channels / groups)) * reads;
}

/** Rows and columns of the maps that were flattened to be read by a dense layer. */
function mapsBefore(layers: readonly Layer[], layer: Layer, count: number): number[] | null {
  let before = layers.find(({ name }) => name === layer.inputs[0]);
  while (before && before.kind !== "flatten" && KEEPS_CHANNELS.has(before.kind)) {
    const [name] = before.inputs;
    before = layers.find((each) => each.name === name);
  }
  const shape = before?.kind === "flatten" ? (before.input_shapes[0] ?? []) : [];
  const [channels = 0, rows = 0, columns = 0] = shape;
  return shape.length === 3 && channels * rows * columns === count ? [rows, columns] : null;
}

/** What matters most first; equal ones in their own order. */
export function bySize(kernels: readonly Kernel[]): Kernel[] {
  return [...kernels].sort((a, b) => b.size - a.size || a.input - b.input);
}

/** The colours of a filter that reads red, green and blue: grey is zero, full is its largest weight. */
export function coloursOf({ rows, columns, kernels }: Filter): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(rows * columns * 4).fill(255);
  let most = 0;
  for (const { values } of kernels) for (const value of values) most = Math.max(most, Math.abs(value));
  kernels.slice(0, 3).forEach(({ values }, colour) => {
    values.forEach((value, cell) => (rgba[4 * cell + colour] = 127.5 + (127.5 * value) / (most || 1)));
  });
  return rgba;
}
