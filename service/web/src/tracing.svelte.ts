/** Turns a spot of a layer into why its number is what it is, as the service says it, for the newest spot only. */
import type { Version } from "./api/client";
import type { Trace } from "./api/documents";
import { fetchTrace, type Spot } from "./api/inspection";
import { isAbort, ServerGone } from "./api/problem";
import { Newest } from "./newest";
import type { Picture } from "./reading.svelte";

/** A pointer on its way to somewhere else, or maps scrolled along below it, ask nothing. */
const RESTING_MILLISECONDS = 120;

/** Answers that are kept: walking back and forth asks once. */
const MOST = 300;

const nameOf = ({ layer, channel, y, x }: Spot): string => JSON.stringify([layer, channel, y ?? 0, x ?? 0]);

export class Tracing {
  now = $state.raw<Trace | null>(null);
  problem = $state<string | null>(null);
  #known = new Map<string, Trace>();
  #asking = new Newest();
  #of: { version: Version; picture: Picture } | null = null;

  constructor(private readonly onServerGone: () => void) {}

  /** Another picture or version: what was known is of the old one. */
  use(version: Version, picture: Picture): void {
    if (this.#of?.picture === picture && this.#of.version === version) return;
    this.#of = { version, picture };
    this.#known.clear();
    this.#asking.cancel();
    this.now = null;
  }

  /** Of a spot, once the service has told; null while it hasn't. */
  of(spot: Spot | null): Trace | null {
    const { now } = this;
    if (!now || !spot) return null;
    return nameOf(spot) === nameOf(now) ? now : null;
  }

  /** Asks once somebody has stayed at a spot for a moment; what it gives back ends the waiting. */
  rest(version: Version, picture: Picture, spot: Spot): () => void {
    this.use(version, picture);
    const resting = setTimeout(() => this.ask(spot), RESTING_MILLISECONDS);
    return () => clearTimeout(resting);
  }

  ask(spot: Spot): void {
    this.problem = null;
    const known = this.#known.get(nameOf(spot));
    if (known) {
      this.#asking.cancel();
      this.now = known;
    } else this.#asking.follow((signal) => this.#fetch(spot, signal));
  }

  stop(): void {
    this.#asking.cancel();
  }

  async #fetch(spot: Spot, signal: AbortSignal): Promise<void> {
    if (!this.#of) return;
    try {
      const trace = await fetchTrace(this.#of.version, this.#of.picture.bytes, spot, signal);
      if (this.#known.size >= MOST) this.#known.clear();
      this.#known.set(nameOf(spot), trace);
      this.now = trace;
      this.problem = null;
    } catch (error) {
      if (isAbort(error)) throw error;
      if (error instanceof ServerGone) this.onServerGone();
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }
}
