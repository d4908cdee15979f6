/** Turns questions to the service into the answer to the newest one, or into what went wrong, in words. */
import { isAbort, ServerGone } from "./api/problem";
import { Newest } from "./newest";

export class Asking<Answer> {
  now = $state.raw<Answer | null>(null);
  problem = $state<string | null>(null);
  isBusy = $state(false);
  readonly #newest = new Newest();

  constructor(private readonly onServerGone: () => void) {}

  /** Asks something else: the answer to an older question is wanted no more, and what it was stays until then. */
  replace(question: (signal: AbortSignal) => Promise<Answer>): void {
    this.#newest.replace((signal) => this.#answer(question, signal));
  }

  /** Asks again while something moves: a question that is under way is answered first, then the newest. */
  follow(question: (signal: AbortSignal) => Promise<Answer>): void {
    this.#newest.follow((signal) => this.#answer(question, signal));
  }

  /** What was known is of something else. */
  forget(): void {
    this.#newest.cancel();
    this.now = null;
    this.problem = null;
    this.isBusy = false;
  }

  async #answer(question: (signal: AbortSignal) => Promise<Answer>, signal: AbortSignal): Promise<void> {
    this.isBusy = true;
    try {
      const answer = await question(signal);
      if (signal.aborted) return;
      this.now = answer;
      this.problem = null;
    } catch (error) {
      if (isAbort(error)) return;
      if (error instanceof ServerGone) this.onServerGone();
      this.problem = error instanceof Error ? error.message : String(error);
    } finally {
      if (!signal.aborted) this.isBusy = false;
    }
  }
}
