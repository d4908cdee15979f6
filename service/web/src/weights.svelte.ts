/** Turns layers that are looked into into what they have learnt, fetched once for each version. */
import type { Version } from "./api/client";
import { fetchWeights } from "./api/inspection";
import { isAbort, ServerGone } from "./api/problem";
import type { Tensor } from "./safetensors";

/** By what an array is: `weight`, `bias`, `scale`, `mean`, `variance`, `slope`, `constant`. */
export type LayerWeights = ReadonlyMap<string, Tensor>;

export class Weights {
  #fetched = $state.raw<ReadonlyMap<string, LayerWeights>>(new Map());
  #problems = $state.raw<ReadonlyMap<string, string>>(new Map());
  #asked = new Set<string>();
  #version: Version | null = null;
  #leaving = new AbortController();

  constructor(private readonly onServerGone: () => void) {}

  use(version: Version): void {
    this.#leaving.abort();
    this.#leaving = new AbortController();
    this.#version = version;
    this.#asked.clear();
    this.#fetched = new Map();
    this.#problems = new Map();
  }

  /** What is there of a layer's; `need` makes it come. */
  of(layer: string): LayerWeights | null {
    return this.#fetched.get(layer) ?? null;
  }

  problemOf(layer: string): string | null {
    return this.#problems.get(layer) ?? null;
  }

  /** Called from an effect, for layers that have parameters. */
  need(layer: string): void {
    if (this.#asked.has(layer) || !this.#version) return;
    this.#asked.add(layer);
    void this.#fetch(this.#version, layer, this.#leaving.signal);
  }

  async #fetch(version: Version, layer: string, signal: AbortSignal): Promise<void> {
    try {
      const arrays = await fetchWeights(version, layer, signal);
      if (!signal.aborted) this.#fetched = new Map([...this.#fetched, [layer, arrays]]);
    } catch (error) {
      if (isAbort(error)) return;
      this.#asked.delete(layer);
      if (error instanceof ServerGone) this.onServerGone();
      const words = error instanceof Error ? error.message : String(error);
      this.#problems = new Map([...this.#problems, [layer, words]]);
    }
  }
}
