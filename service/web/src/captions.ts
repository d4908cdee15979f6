/** Turns a kind of layer into one sentence of what it is for. */
import type { Layer } from "./api/documents";

const CAPTIONS: Partial<Record<Layer["kind"], string>> = {
  preprocessing: "Pixels become numbers of a size that the network was trained on.",
  conv: "A filter is a pattern: it slides over the maps before it, and this map says how well it matches at each place.",
  conv_transpose: "A convolution the other way round: each number stamps the filter onto a larger map.",
  batch_norm:
    "Every number of the map is moved and stretched by the same straight line, learnt in the training.",
  relu: "What matched stays, what didn't is dropped: everything below zero becomes zero.",
  leaky_relu: "What matched stays; what didn't is only made small.",
  sigmoid: "Every number is squeezed between 0 and 1.",
  tanh: "Every number is squeezed between −1 and 1.",
  silu: "Large numbers stay, negative ones fade away softly.",
  gelu: "Large numbers stay, negative ones fade away softly.",
  hard_swish: "Large numbers stay, negative ones fade away: a swish made of straight lines.",
  clip: "What is too small or too large is cut off.",
  max_pool:
    "Of each window only the strongest number is kept: the pattern was there, where exactly matters less.",
  average_pool: "Each window becomes its mean.",
  global_average_pool: "The whole map becomes its mean: how much of the pattern there is, wherever it is.",
  global_max_pool:
    "Of the whole map only the strongest number is kept: whether the pattern was there, wherever.",
  lrn: "A number is made smaller where its neighbours in other channels are large.",
  dropout: "Nothing happens here: it only switched numbers off in the training.",
  flatten: "Maps become one long row of numbers; none is changed.",
  dense: "The evidence is weighed: every input times its weight, all added up.",
  softmax: "Scores become probabilities: all positive, and together 1.",
  add: "Two ways through the network meet: their numbers are added, place by place.",
  mul: "Numbers are multiplied, place by place: one map opens and closes the other like a gate.",
  concat: "Maps of several layers are put one behind the other; none is changed.",
  pad: "A border is put around every map.",
};

/** Where nothing meets but a number of the layer's own. */
const ALONE: Partial<Record<Layer["kind"], string>> = {
  add: "The same number, learnt in the training, is added all over a map.",
  mul: "All of a map is multiplied by the same number, learnt in the training.",
};

export function captionOf({ kind, inputs }: Pick<Layer, "kind" | "inputs">): string {
  const alone = inputs.length === 1 ? ALONE[kind] : undefined;
  return alone ?? CAPTIONS[kind] ?? "What this layer makes of the maps before it.";
}
