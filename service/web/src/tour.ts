/** Turns a network into the steps of a guided tour: what each kind of layer does, shown at the first of its kind. */
import type { Layer } from "./api/documents";

export interface TourStep {
  readonly title: string;
  /** Short paragraphs. */
  readonly words: readonly string[];
  /** Where to look; null: at the picture and the answer. */
  readonly layer: string | null;
  /** Whether one channel of it is opened: its most active one. */
  readonly opensChannel: boolean;
}

type Kind = Layer["kind"];

const POOLS: readonly Kind[] = ["max_pool", "average_pool", "global_average_pool", "global_max_pool"];
const ACTIVATIONS: readonly Kind[] = ["relu", "leaky_relu", "silu", "gelu", "hard_swish", "clip", "tanh"];

interface Lesson {
  readonly kinds: readonly Kind[];
  readonly title: string;
  readonly words: (layer: Layer) => readonly string[];
  readonly opensChannel?: boolean;
}

const LESSONS: readonly Lesson[] = [
  {
    kinds: ["conv"],
    title: "Convolution: looking for a pattern",
    opensChannel: true,
    words: ({ output_shape: [channels = 0], attributes }) => [
      `A filter is a small pattern of numbers${sizeOf(attributes["kernel_shape"])}. It slides over the picture; at every place the pixels under it are multiplied with its numbers and added up.`,
      `The map says where the pattern is found: blue where it matches, red where the opposite is there. This layer has ${channels} filters, so it draws ${channels} maps.`,
      "Press play to watch the window slide, or point at any number to see what it was added up from.",
    ],
  },
  {
    kinds: ["batch_norm"],
    title: "Batch normalisation: the same footing",
    opensChannel: true,
    words: () => [
      "Each map is shifted and stretched by numbers of its own, learnt in training, so that no map is louder than the others only by accident.",
    ],
  },
  {
    kinds: ACTIVATIONS,
    title: "Activation: dropping the rest",
    opensChannel: true,
    words: ({ kind }) => [
      kind === "relu"
        ? "ReLU keeps what is above zero and drops the rest: “the pattern is here” stays, “it isn’t” becomes nothing."
        : "A curve that bends: it keeps what is large and flattens the rest.",
      "Without a bend between them, all layers together could do no more than one.",
    ],
  },
  {
    kinds: POOLS,
    title: "Pooling: keeping the strongest",
    opensChannel: true,
    words: ({ kind }) => [
      kind.endsWith("max_pool")
        ? "From each window only the largest number goes on: that the pattern is there matters more than exactly where."
        : "Each window is replaced by its mean: how much of the pattern is there, not exactly where.",
      "The maps get smaller, and what comes next sees more of the picture at once.",
    ],
  },
  {
    kinds: ["add", "concat"],
    title: "Ways that meet",
    words: ({ kind }) => [
      kind === "add"
        ? "Two ways come together, and their maps are added: what was known before is kept, and something is added to it."
        : "Several ways come together, and their maps are laid side by side.",
    ],
  },
  {
    kinds: ["flatten"],
    title: "Flatten: from maps to a list",
    words: () => [
      "Nothing is computed here. The numbers of all maps are written one after another, into one long list.",
    ],
  },
  {
    kinds: ["dense"],
    title: "Dense: weighing the evidence",
    opensChannel: true,
    words: () => [
      "Every number has a vote, for or against, as strong as its weight. All votes are added up.",
      "Open one output to see which numbers voted for it, and where in the maps they came from.",
    ],
  },
  {
    kinds: ["softmax", "sigmoid"],
    title: "The answer: scores become probabilities",
    words: ({ kind }) => [
      kind === "softmax"
        ? "Each score is made e to its power and divided by the sum of them all: then they are positive, and come to 100 % together."
        : "Each score is bent to between 0 and 100 %, each label by itself.",
    ],
  },
];

/** The tour of a network; lessons whose kind it doesn't have are left out. */
export function tourOf(layers: readonly Layer[]): TourStep[] {
  const steps: TourStep[] = [
    {
      title: "A picture goes in",
      words: [
        "This is your picture, and beside it what the network sees of it: so many pixels, each a number, no more.",
        "Draw one yourself, or bring one. All that follows is computed from it, now, by the network that answers.",
      ],
      layer: null,
      opensChannel: false,
    },
  ];
  for (const { kinds, title, words, opensChannel = false } of LESSONS) {
    // The answer's own layer is the last of its kind; a gate may be one before.
    const isAnswer = kinds.includes("softmax");
    const layer = isAnswer
      ? layers.findLast(({ kind }) => kinds.includes(kind))
      : layers.find(({ kind }) => kinds.includes(kind));
    if (layer) steps.push({ title, words: words(layer), layer: layer.name, opensChannel });
  }
  return [
    ...steps,
    {
      title: "That is all there is",
      words: [
        "Patterns of patterns, then votes. Click any number to walk it back to the pixels; “Why this class” shows which pixels decided.",
        "Draw something that it gets wrong, and find out where it went astray.",
      ],
      layer: null,
      opensChannel: false,
    },
  ];
}

function sizeOf(kernel: unknown): string {
  return Array.isArray(kernel) ? `, here ${kernel.join(" × ")}` : "";
}
