/** Turns one channel of a layer into the channels that it is made from, each with how strongly. */
import type { Layer } from "../api/documents";
import type { Tensor } from "../safetensors";
import type { LayerWeights } from "../weights.svelte";

export interface Draw {
  /** The name of the layer that is read. */
  readonly input: string;
  readonly channel: number;
  /** −1 to 1: of the strongest of this channel's; 1 where numbers pass through unweighted. */
  readonly strength: number;
}

/** What a channel draws on; weights that aren't there yet count as equal. Empty where it can't be told. */
export function drawsOf(layer: Layer, channel: number, weights: LayerWeights | null): Draw[] {
  const [input] = layer.inputs;
  if (input === undefined) return [];
  switch (layer.kind) {
    case "conv":
      return convolved(layer, channel, input, weights?.get("weight") ?? null);
    case "dense":
      return weighted(layer, channel, input, weights?.get("weight") ?? null);
    case "concat":
      return concatenated(layer, channel);
    case "conv_transpose":
    case "softmax":
    case "lrn":
    case "other":
      return every(input, channelsOf(layer, 0));
    case "flatten":
      return [{ input, channel: Math.floor(channel / areaOf(layer.input_shapes[0] ?? [])), strength: 1 }];
    default:
      return layer.inputs.map((name, index) => ({
        input: name,
        channel: Math.min(channel, channelsOf(layer, index) - 1), // a gate may be one channel for all
        strength: 1,
      }));
  }
}

const channelsOf = (layer: Layer, index: number): number => layer.input_shapes[index]?.[0] ?? 1;

const areaOf = (shape: readonly number[]): number =>
  shape.slice(1).reduce((product, size) => product * size, 1) || 1;

const every = (input: string, count: number): Draw[] =>
  Array.from({ length: count }, (_, channel) => ({ input, channel, strength: 1 }));

/** A filter's slices by their length, signed by their sum: whether more of the input makes more of the output. */
function convolved(layer: Layer, channel: number, input: string, weight: Tensor | null): Draw[] {
  const count = channelsOf(layer, 0);
  const [filters = 0, read = 0] = weight?.shape ?? [];
  if (!weight || !filters || !read) return every(input, count);
  const group = Math.floor(channel / (filters / (count / read)));
  const size = weight.values.length / (filters * read);
  const slices = Array.from({ length: read }, (_, slice) => {
    const begin = (channel * read + slice) * size;
    return strengthOf(weight.values.subarray(begin, begin + size));
  });
  return scaled(slices).map((strength, slice) => ({ input, channel: group * read + slice, strength }));
}

/** A dense layer's row by the channels that its inputs come from: all, or as many cells as each map had. */
function weighted(layer: Layer, channel: number, input: string, weight: Tensor | null): Draw[] {
  const count = channelsOf(layer, 0);
  const columns = weight?.shape[1] ?? 0;
  if (!weight || columns % count !== 0) return every(input, count);
  const size = columns / count;
  const parts = Array.from({ length: count }, (_, part) => {
    const begin = channel * columns + part * size;
    return strengthOf(weight.values.subarray(begin, begin + size));
  });
  return scaled(parts).map((strength, part) => ({ input, channel: part, strength }));
}

function concatenated(layer: Layer, channel: number): Draw[] {
  let rest = channel;
  for (const [index, input] of layer.inputs.entries()) {
    const count = channelsOf(layer, index);
    if (rest < count) return [{ input, channel: rest, strength: 1 }];
    rest -= count;
  }
  return [];
}

function strengthOf(weights: Float32Array): number {
  let sum = 0;
  let squares = 0;
  for (const weight of weights) {
    sum += weight;
    squares += weight * weight;
  }
  return Math.sqrt(squares) * (sum < 0 ? -1 : 1);
}

function scaled(strengths: readonly number[]): number[] {
  const largest = strengths.reduce((most, strength) => Math.max(most, Math.abs(strength)), 0) || 1;
  return strengths.map((strength) => strength / largest);
}
