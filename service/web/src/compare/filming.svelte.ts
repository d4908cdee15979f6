/** Turns the moments of a training into what the network was at each: answer, maps and filters of one layer. */
import type { Version } from "../api/client";
import type { Prediction } from "../api/documents";
import { fetchActivationsThen, fetchWeightsThen, predictThen } from "../api/film";
import { isAbort, ServerGone } from "../api/problem";
import type { Moment } from "./moments";
import { Newest } from "../newest";
import type { Tensor } from "../safetensors";
import type { LayerWeights } from "../weights.svelte";

/** What a film is watched with. */
export interface Scene {
  readonly version: Version;
  readonly moments: readonly Moment[];
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
  /** By moment, as far as they have come. */
  shots = $state.raw<ReadonlyMap<Moment, Shot>>(new Map());
  problem = $state<string | null>(null);
  /** Filters don't change with the picture: by version, moment and layer. */
  #weights = new Map<string, LayerWeights>();
  #filming = new Newest();

  constructor(private readonly onServerGone: () => void) {}

  /** Fetches every moment, the one that is looked at first. */
  watch(scene: Scene, first: Moment): void {
    this.shots = new Map();
    this.#filming.replace((signal) => this.#film(scene, first, signal));
  }

  stop(): void {
    this.#filming.cancel();
  }

  async #film(scene: Scene, first: Moment, signal: AbortSignal): Promise<void> {
    try {
      for (const moment of [first, ...scene.moments.filter((each) => each !== first)]) {
        const shot = await this.#shoot(scene, moment, signal);
        if (signal.aborted) return;
        this.shots = new Map([...this.shots, [moment, shot]]);
      }
      this.problem = null;
    } catch (error) {
      if (isAbort(error)) throw error;
      if (error instanceof ServerGone) this.onServerGone();
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }

  async #shoot(scene: Scene, moment: Moment, signal: AbortSignal): Promise<Shot> {
    const { version, picture, layer, labels } = scene;
    const [predictions, tensor, weights] = await Promise.all([
      picture ? predictThen(version, moment, picture, labels, signal) : [],
      picture ? fetchActivationsThen(version, moment, picture, layer, signal) : null,
      this.#findWeights(scene, moment, signal),
    ]);
    return { predictions, tensor, weights };
  }

  async #findWeights(
    { version, filtering }: Scene,
    moment: Moment,
    signal: AbortSignal,
  ): Promise<LayerWeights | null> {
    if (filtering === null) return null;
    const key = JSON.stringify([version.model, version.version, moment, filtering]);
    const known = this.#weights.get(key) ?? (await fetchWeightsThen(version, moment, filtering, signal));
    this.#weights.set(key, known);
    return known;
  }
}
