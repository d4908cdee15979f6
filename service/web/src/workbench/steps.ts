/** Turns the steps of the workbench into the URL's text and back, and into what the service is asked for. */

/** Rows of numbers. */
export type Kernel = readonly (readonly number[])[];

export interface Convolution {
  readonly kind: "conv";
  /** A name that the service knows, or numbers of one's own. */
  readonly kernel: string | Kernel;
  readonly stride: number;
  readonly padding: number | "same";
  readonly dilation: number;
  readonly bias: number;
  /** Each channel by itself, instead of the sum over the channels. */
  readonly perChannel: boolean;
}

export interface Activation {
  readonly kind: "relu" | "tanh" | "sigmoid";
}

export interface Pooling {
  readonly kind: "max_pool" | "average_pool";
  readonly size: number;
  /** Null: the size, so that windows don't overlap. */
  readonly stride: number | null;
  readonly padding: number;
}

export type Step = Convolution | Activation | Pooling;
export type Kind = Step["kind"];

export const TITLES: Readonly<Record<Kind, string>> = {
  conv: "Convolution",
  relu: "ReLU",
  tanh: "Tanh",
  sigmoid: "Sigmoid",
  max_pool: "Max pooling",
  average_pool: "Average pooling",
};

/** What is on the bench before anything was chosen: the beginning of every network. */
export const FIRST_STEPS = "conv:sobel-x relu max_pool:2";

/** As many as the service takes, one of them for the picture itself. */
export const MOST_STEPS = 31;

export function newStep(kind: Kind): Step {
  switch (kind) {
    case "conv":
      return { kind, kernel: "edge", stride: 1, padding: 0, dilation: 1, bias: 0, perChannel: false };
    case "max_pool":
    case "average_pool":
      return { kind, size: 2, stride: null, padding: 0 };
    default:
      return { kind };
  }
}

/** `conv:sobel-x:s2:pad1:dil2:bias0.5:each relu max_pool:3:s1:pad1`; own numbers as `1,0,-1/2,0,-2/1,0,-1`. */
export function textOf(steps: readonly Step[]): string {
  return steps.map((step) => wordsOf(step).join(":")).join(" ");
}

function wordsOf(step: Step): string[] {
  switch (step.kind) {
    case "conv": {
      const { kernel, stride, padding, dilation, bias, perChannel } = step;
      return [
        step.kind,
        typeof kernel === "string" ? kernel : kernel.map((row) => row.join(",")).join("/"),
        ...(stride === 1 ? [] : [`s${stride}`]),
        ...(padding === 0 ? [] : [`pad${padding}`]),
        ...(dilation === 1 ? [] : [`dil${dilation}`]),
        ...(bias === 0 ? [] : [`bias${bias}`]),
        ...(perChannel ? ["each"] : []),
      ];
    }
    case "max_pool":
    case "average_pool":
      return [
        step.kind,
        String(step.size),
        ...(step.stride === null ? [] : [`s${step.stride}`]),
        ...(step.padding === 0 ? [] : [`pad${step.padding}`]),
      ];
    default:
      return [step.kind];
  }
}

/** Steps that can't be read are left out: a link that somebody shortened still shows something. */
export function stepsOf(text: string): Step[] {
  const steps = text.split(" ").map((words) => stepOf(words.split(":")));
  return steps.filter((step): step is Step => step !== null).slice(0, MOST_STEPS);
}

function stepOf([kind = "", first = "", ...options]: string[]): Step | null {
  const option = (name: string): string | undefined =>
    options.find((word) => word.startsWith(name))?.slice(name.length);
  switch (kind) {
    case "conv": {
      const kernel = kernelOf(first);
      const padding = option("pad");
      if (kernel === null) return null;
      return {
        kind,
        kernel,
        stride: whole(option("s"), 1) ?? 1,
        padding: padding === "same" ? padding : (whole(padding, 0) ?? 0),
        dilation: whole(option("dil"), 1) ?? 1,
        bias: Number(option("bias") ?? 0) || 0,
        perChannel: options.includes("each"),
      };
    }
    case "max_pool":
    case "average_pool":
      return {
        kind,
        size: whole(first, 1) ?? 2,
        stride: whole(option("s"), 1),
        padding: whole(option("pad"), 0) ?? 0,
      };
    case "relu":
    case "tanh":
    case "sigmoid":
      return { kind };
  }
  return null;
}

function kernelOf(text: string): string | Kernel | null {
  if (/^[a-z]/.test(text)) return text;
  if (text === "") return null;
  const rows = text.split("/").map((row) => row.split(",").map(Number));
  const width = rows[0]?.length ?? 0;
  const isKernel = rows.every((row) => row.length === width && row.every(Number.isFinite));
  return isKernel ? rows : null;
}

function whole(text: string | undefined, least: number): number | null {
  const number = Number(text);
  return text !== undefined && /^\d{1,4}$/.test(text) && number >= least ? number : null;
}

/** The step as the service's document has it. */
export function requestOf(step: Step): Record<string, unknown> {
  if (step.kind !== "conv") return { ...step };
  const { perChannel, ...rest } = step;
  return { ...rest, per_channel: perChannel };
}

/** The numbers of a step's kernel, by a name that the service listed or its own; null while names aren't known. */
export function numbersOf(kernel: string | Kernel, named: ReadonlyMap<string, Kernel>): Kernel | null {
  return typeof kernel === "string" ? (named.get(kernel) ?? null) : kernel;
}

/** A kernel with another size: what fits is kept about the middle, the rest is 0. */
export function resized(kernel: Kernel, size: number): Kernel {
  const shift = Math.floor((size - kernel.length) / 2);
  const across = Math.floor((size - (kernel[0]?.length ?? 0)) / 2);
  return Array.from({ length: size }, (_, y) =>
    Array.from({ length: size }, (_, x) => kernel[y - shift]?.[x - across] ?? 0),
  );
}

export function withNumber(kernel: Kernel, y: number, x: number, value: number): Kernel {
  return kernel.map((row, i) => (i === y ? row.map((old, j) => (j === x ? value : old)) : row));
}
