/** Turns the name of a method into what it means, in one sentence, and who found it. */
import type { Question } from "../api/attribution";
import type { Attribution } from "../api/documents";

export type Method = Attribution["method"];

export interface MethodWords {
  readonly title: string;
  readonly meaning: string;
  readonly source: string;
  /** Runs of the network that one map takes, about: a run backwards counts as two. */
  readonly runs: number;
  /** It weighs the maps of a layer. */
  readonly hasLayer: boolean;
  /** It needs to be told what stands for “nothing there”. */
  readonly hasBaseline: boolean;
}

const PLAIN = { hasLayer: false, hasBaseline: false };

/** Every method of the service; one that is missing here doesn't compile. */
export const METHODS: Readonly<Record<Method, MethodWords>> = {
  "grad-cam": {
    title: "Grad-CAM",
    meaning:
      "Where in a layer's maps the class was found: each map counts as much as the class's score would rise with it.",
    source: "Selvaraju et al. 2017",
    runs: 3,
    hasLayer: true,
    hasBaseline: false,
  },
  "grad-cam++": {
    title: "Grad-CAM++",
    meaning: "Grad-CAM that also counts every small place that speaks for the class, not only the mean.",
    source: "Chattopadhay et al. 2018",
    runs: 3,
    hasLayer: true,
    hasBaseline: false,
  },
  "score-cam": {
    title: "Score-CAM",
    meaning:
      "Each map of a layer is held before the picture as a mask; it counts by the score seen through it.",
    source: "Wang et al. 2020",
    runs: 128,
    hasLayer: true,
    hasBaseline: false,
  },
  "integrated-gradients": {
    title: "Integrated gradients",
    meaning:
      "Each pixel's share in the score, on the way from a picture of nothing; the shares add up to it.",
    source: "Sundararajan et al. 2017",
    runs: 200,
    hasLayer: false,
    hasBaseline: true,
  },
  occlusion: {
    title: "Occlusion",
    meaning:
      "How far the score falls when a square of the picture is covered: nothing is assumed, only tried.",
    source: "Zeiler, Fergus 2013",
    runs: 170,
    hasLayer: false,
    hasBaseline: true,
  },
  gradient: {
    title: "Gradient",
    meaning: "How strongly the score answers to a small change of each pixel, whichever way it goes.",
    source: "Simonyan et al. 2013",
    runs: 3,
    ...PLAIN,
  },
  smoothgrad: {
    title: "SmoothGrad",
    meaning: "The gradient's mean over 32 copies of the picture with noise: what only flickers is gone.",
    source: "Smilkov et al. 2017",
    runs: 96,
    ...PLAIN,
  },
};

export const METHOD_NAMES = Object.keys(METHODS) as Method[];

export function methodOf(text: string | null): Method {
  return METHOD_NAMES.find((name) => name === text) ?? "grad-cam";
}

/** `completeness_error` is the share of the difference that the sum misses, and so on. */
const FIGURES: Readonly<Record<string, string>> = {
  baseline: "nothing is",
  steps: "steps of the sum",
  sum: "sum of the map",
  difference: "score − score of nothing",
  completeness_error: "the sum misses",
  samples: "noisy copies",
  noise: "noise",
  window: "window",
  stride: "stride",
  windows: "windows tried",
  map: "size of the maps",
  channels: "maps tried",
};

/** What stands in an answer besides the map, in words; what says nothing to a person is left out. */
export function figuresOf(metadata: Readonly<Record<string, string>>): { name: string; text: string }[] {
  return Object.entries(FIGURES).flatMap(([key, name]) => {
    const text = metadata[key];
    return text === undefined ? [] : [{ name, text: tidy(key, text) }];
  });
}

function tidy(key: string, text: string): string {
  const number = Number(text);
  if (key === "completeness_error") return `${(number * 100).toFixed(2)} %`;
  if (text.startsWith("[")) return text.slice(1, -1).split(", ").join(" × ");
  if (key === "window" || key === "stride") return `${text} pixels`;
  return Number.isNaN(number) || Number.isInteger(number) ? text : number.toPrecision(4).replace("-", "−");
}

/** What the view asks about a label, by what was chosen. */
export function questionOf(choice: (name: string) => string | null, label: number | null): Question {
  const method = methodOf(choice("method"));
  const { hasLayer, hasBaseline } = METHODS[method];
  return {
    method,
    label,
    layer: hasLayer ? choice("camlayer") : null,
    baseline: hasBaseline ? (choice("baseline") === "mean" ? "mean" : "black") : null,
  };
}
