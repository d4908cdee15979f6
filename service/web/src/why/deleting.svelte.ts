/** Turns an explanation into its deletion curve: real answers to pictures with ever fewer pixels left. */
import { classifyPixels } from "../api/attribution";
import { isAbort, ServerGone } from "../api/problem";
import { Newest } from "../newest";
import { bytesOf } from "./pixels";
import { nothingOf, orderByImportance, randomOrder, SHARES, without } from "./deletion";
import type { Explanation } from "./explaining.svelte";

/** Random orders that the curve is held against: their mean is nearly what chance does. */
const RANDOM_ORDERS = 3;

/** Pictures asked together, and bytes of them: progress is seen, and other requests get in between. */
const [MOST_PICTURES, MOST_BYTES] = [16, 2 ** 20];

export const PICTURES = SHARES.length * (1 + RANDOM_ORDERS);

export interface Curves {
  readonly explanation: Explanation;
  /** The class's probability at each of `SHARES`, the most important pixels gone first. */
  readonly important: readonly number[];
  /** The same for random orders, their mean. */
  readonly random: readonly number[];
  /** The pixels with a share of the most important ones gone: numbers as the network takes them. */
  readonly left: (share: number) => Uint8Array;
}

export class Deleting {
  now = $state.raw<Curves | null>(null);
  problem = $state<string | null>(null);
  /** Pictures answered of `PICTURES`; null: nothing is being measured. */
  done = $state<number | null>(null);
  #measuring = new Newest();

  constructor(private readonly onServerGone: () => void) {}

  measure(explanation: Explanation, baseline: "black" | "mean"): void {
    this.done = 0;
    this.problem = null;
    this.#measuring.replace((signal) => this.#measure(explanation, baseline, signal));
  }

  stop(): void {
    this.#measuring.cancel();
    this.done = null;
  }

  clear(): void {
    this.stop();
    this.now = this.problem = null;
  }

  async #measure(explanation: Explanation, baseline: "black" | "mean", signal: AbortSignal): Promise<void> {
    const { heat, pixels, subject } = explanation;
    const { channels } = subject;
    const values = bytesOf(pixels);
    const nothing = nothingOf(baseline, values, channels);
    const byImportance = orderByImportance(heat.values);
    const orders = [byImportance];
    for (let seed = 1; seed <= RANDOM_ORDERS; seed++) orders.push(randomOrder(heat.values.length, seed));
    const asked = orders.flatMap((order) => SHARES.map((share) => ({ order, share })));
    const portion = Math.max(1, Math.min(MOST_PICTURES, Math.floor(MOST_BYTES / values.length)));
    const probabilities: number[] = [];
    try {
      for (let start = 0; start < asked.length; start += portion) {
        const pictures = asked
          .slice(start, start + portion)
          .map(({ order, share }) => without(values, order, share, nothing));
        const answers = await classifyPixels(subject.version, pictures, { ...heat, channels }, signal);
        probabilities.push(...answers.map((answer) => answer[heat.label] ?? 0));
        this.done = probabilities.length;
      }
      this.now = {
        explanation,
        ...curvesOf(probabilities),
        left: (share) => without(values, byImportance, share, nothing),
      };
    } catch (error) {
      if (isAbort(error)) throw error;
      if (error instanceof ServerGone) this.onServerGone();
      this.problem = error instanceof Error ? error.message : String(error);
    }
    this.done = null;
  }
}

function curvesOf(probabilities: readonly number[]): { important: number[]; random: number[] } {
  const count = SHARES.length;
  const random = SHARES.map((_, index) => {
    const others = Array.from(
      { length: RANDOM_ORDERS },
      (_, order) => probabilities[(order + 1) * count + index] ?? 0,
    );
    return others.reduce((sum, value) => sum + value, 0) / RANDOM_ORDERS;
  });
  return { important: probabilities.slice(0, count), random };
}
