/** Turns one number of a step into the arithmetic that made it, from the numbers of the step before. */
import type { Channels } from "../maps";
import type { Kernel, Step } from "./steps";
import type { Slide } from "./windows";

/** One cell of a window: what was there, and what it was multiplied with. */
export interface Term {
  /** Null: padding. */
  readonly value: number | null;
  readonly weight: number;
  readonly product: number;
}

/** A window of one channel, row by row. */
export interface WindowTerms {
  readonly channel: number;
  readonly rows: readonly (readonly Term[])[];
  readonly sum: number;
}

export interface Arithmetic {
  /** One for each channel that is read; a step without a window has one of a single cell. */
  readonly windows: readonly WindowTerms[];
  readonly bias: number;
  /** By this arithmetic, in float64. */
  readonly value: number;
}

export interface Cell {
  readonly channel: number;
  readonly y: number;
  readonly x: number;
}

const FUNCTIONS = {
  relu: (value: number) => Math.max(0, value),
  tanh: Math.tanh,
  sigmoid: (value: number) => 1 / (1 + Math.exp(-value)),
} as const;

export function arithmeticOf(
  step: Step,
  numbers: Kernel | null,
  input: Channels,
  slides: readonly [Slide, Slide],
  cell: Cell,
): Arithmetic {
  const read = (channel: number): WindowTerms => windowOf(step, numbers, input, slides, { ...cell, channel });
  switch (step.kind) {
    case "conv": {
      const channels = step.perChannel ? [cell.channel] : [...Array(input.count).keys()];
      const windows = channels.map(read);
      return {
        windows,
        bias: step.bias,
        value: windows.reduce((sum, each) => sum + each.sum, 0) + step.bias,
      };
    }
    case "max_pool":
    case "average_pool": {
      const window = read(cell.channel);
      const values = window.rows.flat();
      const largest = Math.max(...values.map(({ value }) => value ?? -Infinity));
      const value = step.kind === "max_pool" ? largest : window.sum / values.length;
      return { windows: [window], bias: 0, value };
    }
    default: {
      const window = read(cell.channel);
      return { windows: [window], bias: 0, value: FUNCTIONS[step.kind](window.sum) };
    }
  }
}

function windowOf(
  step: Step,
  numbers: Kernel | null,
  input: Channels,
  [down, across]: readonly [Slide, Slide],
  { channel, y, x }: Cell,
): WindowTerms {
  let sum = 0;
  const rows = Array.from({ length: down.kernel }, (_, i) =>
    Array.from({ length: across.kernel }, (_, j): Term => {
      const row = y * down.stride - down.before + i * down.dilation;
      const column = x * across.stride - across.before + j * across.dilation;
      const isInside = row >= 0 && row < input.height && column >= 0 && column < input.width;
      const value = isInside
        ? (input.values[(channel * input.height + row) * input.width + column] ?? 0)
        : null;
      const weight = step.kind === "conv" ? (numbers?.[i]?.[j] ?? 0) : 1;
      const product = (value ?? 0) * weight;
      sum += product;
      return { value, weight, product };
    }),
  );
  return { channel, rows, sum };
}
