/** Turns a channel into the dream of it: pictures while it goes on, and what came of it. */
import type { Version } from "../api/client";
import type { Dream } from "../api/documents";
import { dream } from "../api/dream";
import { isAbort, ServerGone } from "../api/problem";
import { Newest } from "../newest";

export interface Wish {
  readonly layer: string;
  readonly channel: number;
  readonly seed: number;
}

export class Dreaming {
  isDreaming = $state(false);
  /** How far it has come. */
  share = $state(0);
  /** The channel's mean, as it was last told. */
  activation = $state<number | null>(null);
  /** The newest picture, as a data URI. */
  picture = $state<string | null>(null);
  result = $state.raw<Dream | null>(null);
  problem = $state<string | null>(null);
  #dreaming = new Newest();

  constructor(private readonly onServerGone: () => void) {}

  start(version: Version, wish: Wish): void {
    this.isDreaming = true;
    this.share = 0;
    this.result = this.problem = null;
    this.#dreaming.replace((signal) => this.#dream(version, wish, signal));
  }

  /** Ends it; the last picture stays. */
  stop(): void {
    this.#dreaming.cancel();
    this.isDreaming = false;
  }

  async #dream(version: Version, wish: Wish, signal: AbortSignal): Promise<void> {
    try {
      this.result = await dream(
        version,
        wish,
        ({ step, steps, activation, picture }) => {
          this.share = step / steps;
          this.activation = activation;
          if (picture !== undefined) this.picture = picture;
        },
        signal,
      );
      this.picture = this.result.picture;
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      if (error instanceof ServerGone) this.onServerGone();
      this.problem = error instanceof Error ? error.message : String(error);
    }
    this.isDreaming = false;
  }
}
