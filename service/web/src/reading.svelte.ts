/** Turns a picture into everything that one version of a model says about it: answer, pixels, activations. */
import { tick } from "svelte";

import { fetchActivations, fetchInput, predict, type Version } from "./api/client";
import type { Layer, Prediction } from "./api/documents";
import { isAbort, ServerGone } from "./api/problem";
import { Newest } from "./newest";
import type { Tensor } from "./safetensors";

export interface Picture {
  readonly kind: "sample" | "drawing" | "file";
  readonly bytes: Blob;
  readonly title: string;
  /** The label that a sample is known to have. */
  readonly truth: string | null;
}

export class Reading {
  picture = $state.raw<Picture | null>(null);
  predictions = $state.raw<Prediction[]>([]);
  input = $state.raw<Blob | null>(null);
  tensors = $state.raw<ReadonlyMap<string, Tensor>>(new Map());
  pictureProblem = $state<string | null>(null);
  networkProblem = $state<string | null>(null);
  /** The picture that all of the above speaks of; an older one while the newest is on its way. */
  #answered = $state.raw<Picture | null>(null);

  #version: Version | null = null;
  #layers: readonly Layer[] = [];
  /** How many drawings need a layer's values, in sight or opened. */
  #needed = new Map<string, number>();
  #pictures = new Newest();
  #scrolling = new Newest();

  constructor(private readonly onServerGone: () => void) {}

  get isBusy(): boolean {
    return this.picture !== this.#answered;
  }

  /** Another version reads from here on; what the old one said is gone. */
  use(version: Version | null, layers: readonly Layer[]): void {
    this.#stop();
    this.#version = version;
    this.#layers = layers;
    this.#forget();
  }

  /** A picture that isn't the old one going on. */
  read(picture: Picture | null): void {
    this.#stop();
    this.picture = picture;
    if (picture) this.#pictures.replace((signal) => this.#answer(picture, signal));
    else this.#forget();
  }

  /** The same drawing with another stroke. */
  goOn(picture: Picture): void {
    this.picture = picture;
    this.#pictures.follow((signal) => this.#answer(picture, signal));
  }

  /** Something that draws a layer has come; it goes by calling what it gets. */
  need(layer: string): () => void {
    this.#needed.set(layer, (this.#needed.get(layer) ?? 0) + 1);
    // What comes while an answer is on its way is asked for after it: it would be mixed with the old picture's.
    if (this.picture && !this.isBusy) this.#scrolling.follow((signal) => this.#fetchMissing(signal));
    return () => {
      const rest = (this.#needed.get(layer) ?? 1) - 1;
      if (rest > 0) this.#needed.set(layer, rest);
      else this.#needed.delete(layer);
    };
  }

  /** In the order of computation, whatever the order of being needed; once the page shows what it is about to. */
  async #wanted(): Promise<string[]> {
    await tick();
    return this.#layers.map(({ name }) => name).filter((name) => this.#needed.has(name));
  }

  #stop(): void {
    this.#pictures.cancel();
    this.#scrolling.cancel();
  }

  #forget(): void {
    this.predictions = [];
    this.input = null;
    this.tensors = new Map();
    this.pictureProblem = this.networkProblem = null;
    this.#answered = null;
  }

  async #answer(picture: Picture, signal: AbortSignal): Promise<void> {
    const version = this.#version;
    if (!version) return;
    this.#scrolling.cancel();
    const [answer, input, tensors] = await Promise.allSettled([
      predict(version, picture.bytes, signal).then(({ predictions }) => (this.predictions = predictions)),
      fetchInput(version, picture.bytes, signal).then((pixels) => (this.input = pixels)),
      this.#fetch(version, picture, signal).then((fetched) => (this.tensors = fetched)),
    ]);
    if (signal.aborted) return;
    this.#answered = picture;
    this.pictureProblem = this.#problemOf(answer) ?? this.#problemOf(input);
    // A picture that can't be read fails in all three; it is said once, at the picture.
    this.networkProblem = this.pictureProblem ? null : this.#problemOf(tensors);
    if (answer.status === "rejected") this.predictions = [];
    if (input.status === "rejected") this.input = null;
    if (tensors.status === "rejected") this.tensors = new Map();
    // Layers that came into sight meanwhile were not in the request.
    else this.#scrolling.follow((again) => this.#fetchMissing(again));
  }

  async #fetch(
    version: Version,
    picture: Picture,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Tensor>> {
    const names = await this.#wanted();
    if (names.length === 0) return new Map();
    // The service has a graph ready that answers with all of them.
    const asked = names.length === this.#layers.length ? [] : names;
    return fetchActivations(version, picture.bytes, asked, signal);
  }

  async #fetchMissing(signal: AbortSignal): Promise<void> {
    const names = (await this.#wanted()).filter((name) => !this.tensors.has(name));
    if (signal.aborted || !this.#version || !this.picture || names.length === 0) return;
    try {
      const fetched = await fetchActivations(this.#version, this.picture.bytes, names, signal);
      this.tensors = new Map([...this.tensors, ...fetched]);
      this.networkProblem = null;
    } catch (error) {
      if (isAbort(error)) throw error;
      this.networkProblem = this.#problemOf({ status: "rejected", reason: error });
    }
  }

  #problemOf(result: PromiseSettledResult<unknown>): string | null {
    if (result.status === "fulfilled") return null;
    if (result.reason instanceof ServerGone) this.onServerGone();
    return result.reason instanceof Error ? result.reason.message : String(result.reason);
  }
}
