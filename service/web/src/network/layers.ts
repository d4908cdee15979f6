/** Turns the layer table into what the drawing needs: which layers name labels, what they cost, what they read. */
import type { Layer } from "../api/documents";

/** Kinds that give each value back changed but in its place, so that value i still is label i. */
const IN_PLACE = new Set<Layer["kind"]>([
  ...([
    "softmax",
    "sigmoid",
    "relu",
    "leaky_relu",
    "tanh",
    "silu",
    "gelu",
    "hard_swish",
    "clip",
    "dropout",
  ] as const),
]);

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Layers whose values are the labels in order: the last one, and back through what only changed them in place. */
export function labelledLayers(layers: readonly Layer[], labels: number): Set<string> {
  const named = new Set<string>();
  for (const layer of layers.toReversed()) {
    if (sizeOf(layer.output_shape) !== labels) break;
    named.add(layer.name);
    if (!IN_PLACE.has(layer.kind)) break;
  }
  return named;
}

/** What a layer reads, where that isn't simply the layer before it. */
export function unusualInputs(layers: readonly Layer[], index: number): string[] {
  const before = index > 0 ? layers[index - 1]?.name : "input";
  const inputs = layers[index]?.inputs ?? [];
  return inputs.length === 1 && inputs[0] === before ? [] : inputs;
}

/** The sizes that shape a layer's arithmetic, in words: `5 × 5, stride 2`. */
export function describeAttributes({ attributes }: Layer): string {
  const kernel = attributes["kernel_shape"];
  const words = Array.isArray(kernel) ? [kernel.join(" × ")] : [];
  const strides = numbersOf(attributes["strides"]);
  if (strides.some((stride) => stride !== 1)) words.push(`stride ${uniform(strides)}`);
  const pads = numbersOf(attributes["pads"]);
  if (pads.some((pad) => pad !== 0)) words.push(`padding ${uniform(pads)}`);
  const dilations = numbersOf(attributes["dilations"]);
  if (dilations.some((dilation) => dilation !== 1)) words.push(`dilation ${uniform(dilations)}`);
  const group = attributes["group"];
  if (typeof group === "number" && group !== 1) words.push(`${group} groups`);
  return words.join(", ");
}

export const numbersOf = (value: unknown): number[] => (Array.isArray(value) ? value.map(Number) : []);

function uniform(sizes: readonly number[]): string {
  return sizes.every((size) => size === sizes[0]) ? String(sizes[0]) : sizes.join(" × ");
}
