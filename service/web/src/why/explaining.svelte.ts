/** Turns a question about the picture into the map that answers it: the newest question's only, stopped at will. */
import type { Version } from "../api/client";
import { fetchHeat, type Heat, type Question } from "../api/attribution";
import { isAbort, ServerGone } from "../api/problem";
import { Newest } from "../newest";
import { pixelsOf } from "../pixels";
import type { Tensor } from "../safetensors";

/** A picture as it was sent, and as the network saw it. */
export interface Subject {
  readonly version: Version;
  readonly picture: Blob;
  readonly input: Blob;
  /** Of what the network sees: 1 or 3. */
  readonly channels: number;
}

export interface Explanation {
  readonly subject: Subject;
  readonly question: Question;
  /** What the network saw, from 0 to 255. */
  readonly pixels: Tensor;
  readonly heat: Heat;
}

/** Maps of one picture that are kept: going back to a method shows it at once. */
const MOST = 40;

export class Explaining {
  now = $state.raw<Explanation | null>(null);
  problem = $state<string | null>(null);
  isBusy = $state(false);
  /** Somebody stopped it; asking again goes on. */
  isStopped = $state(false);
  #subject: Subject | null = null;
  #known = new Map<string, Explanation>();
  #asking = new Newest();

  constructor(private readonly onServerGone: () => void) {}

  ask(subject: Subject, question: Question): void {
    if (this.#subject?.input !== subject.input || this.#subject.version !== subject.version) {
      this.#subject = subject;
      this.#known.clear();
    }
    this.isStopped = false;
    const known = this.#known.get(JSON.stringify(question));
    if (known) {
      this.#asking.cancel();
      this.isBusy = false;
      this.#answer(known);
    } else {
      this.isBusy = true;
      this.#asking.replace((signal) => this.#fetch(subject, question, signal));
    }
  }

  /** Whether a question's answer is there already. */
  knows(subject: Subject, question: Question): boolean {
    return this.#subject?.input === subject.input && this.#known.has(JSON.stringify(question));
  }

  stop(): void {
    this.#asking.cancel();
    this.isStopped ||= this.isBusy;
    this.isBusy = false;
  }

  /** There is no question any more, or nothing to ask it about. */
  clear(): void {
    this.stop();
    this.now = this.problem = null;
    this.isStopped = false;
  }

  #answer(explanation: Explanation): void {
    this.now = explanation;
    this.problem = null;
  }

  async #fetch(subject: Subject, question: Question, signal: AbortSignal): Promise<void> {
    try {
      const [heat, pixels] = await Promise.all([
        fetchHeat(subject.version, subject.picture, question, signal),
        pixelsOf(subject.input, subject.channels),
      ]);
      if (signal.aborted) return;
      if (this.#known.size >= MOST) this.#known.clear();
      const explanation = { subject, question, pixels, heat };
      this.#known.set(JSON.stringify(question), explanation);
      this.#answer(explanation);
    } catch (error) {
      if (isAbort(error)) throw error;
      if (error instanceof ServerGone) this.onServerGone();
      this.now = null;
      this.problem = error instanceof Error ? error.message : String(error);
    }
    this.isBusy = false;
  }
}
