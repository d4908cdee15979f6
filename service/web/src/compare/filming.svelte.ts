/** Turns the steps of a training into what the network was at each: answer, maps and filters of one layer. */
import type { Version } from "../api/client";
import type { Prediction } from "../api/documents";
import { fetchActivationsThen, fetchWeightsThen, predictThen } from "../api/film";
import { isAbort, ServerGone } from "../api/problem";
import { Newest } from "../newest";
import type { Tensor } from "../safetensors";
import type { LayerWeights } from "../weights.svelte";

/** What a film is watched with. */
export interface Scene {
  readonly version: Version;
  readonly steps: readonly number[];
  /** How many labels there are. */
  readonly labels: number;
  readonly picture: Blob | null;
  /** Whose maps. */
  readonly layer: string;
  /** Whose filters: the same, or the one whose channels it passes on. */
  readonly filtering: string | null;
}

export interface Shot {
  readonly predictions: readonly Prediction[];
  readonly tensor: Tensor | null;
  readonly weights: LayerWeights | null;
}

export class Filming {
  /** By step, as far as they have come. */
  shots = $state.raw<ReadonlyMap<number, Shot>>(new Map());
  problem = $state<string | null>(null);
  /** Filters don't change with the picture: by version, step and layer. */
  #weights = new Map<string, LayerWeights>();
  #filming = new Newest();

  constructor(private readonly onServerGone: () => void) {}

  /** Fetches every step, the one that is looked at first. */
  watch(scene: Scene, first: number): void {
    this.shots = new Map();
    this.#filming.replace((signal) => this.#film(scene, first, signal));
  }

  stop(): void {
    this.#filming.cancel();
  }

  async #film(scene: Scene, first: number, signal: AbortSignal): Promise<void> {
    try {
      for (const step of [first, ...scene.steps.filter((each) => each !== first)]) {
        const shot = await this.#shoot(scene, step, signal);
        if (signal.aborted) return;
        this.shots = new Map([...this.shots, [step, shot]]);
      }
      this.problem = null;
    } catch (error) {
      if (isAbort(error)) throw error;
      if (error instanceof ServerGone) this.onServerGone();
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }

  async #shoot(scene: Scene, step: number, signal: AbortSignal): Promise<Shot> {
    const { version, picture, layer, labels } = scene;
    const [predictions, tensor, weights] = await Promise.all([
      picture ? predictThen(version, step, picture, labels, signal) : [],
      picture ? fetchActivationsThen(version, step, picture, layer, signal) : null,
      this.#findWeights(scene, step, signal),
    ]);
    return { predictions, tensor, weights };
  }

  async #findWeights(
    { version, filtering }: Scene,
    step: number,
    signal: AbortSignal,
  ): Promise<LayerWeights | null> {
    if (filtering === null) return null;
    const key = JSON.stringify([version.model, version.version, step, filtering]);
    const known = this.#weights.get(key) ?? (await fetchWeightsThen(version, step, filtering, signal));
    this.#weights.set(key, known);
    return known;
  }
}
