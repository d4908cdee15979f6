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
  #networkProblem = $state<string | null>(null);
  /** The picture that the answer speaks of; an older one while the newest is on its way. */
  #answered = $state.raw<Picture | null>(null);
  /** Likewise, of the pixels and the tensors. */
  #seen = $state.raw<Picture | null>(null);

  #version: Version | null = null;
  #layers: readonly Layer[] = [];
  /** How many drawings need a layer's values, in sight or opened. */
  #needed = new Map<string, number>();
  // While somebody draws, the answer keeps up with the pen; maps are many, and may be a stroke behind.
  #answers = new Newest();
  #looks = new Newest();

  constructor(private readonly onServerGone: () => void) {}

  get isBusy(): boolean {
    return this.picture !== this.#answered || this.picture !== this.#seen;
  }

  /** A picture that can't be read is the reason for everything; it is said once, at the picture. */
  get networkProblem(): string | null {
    return this.pictureProblem === null ? this.#networkProblem : null;
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
    if (picture) this.goOn(picture);
    else this.#forget();
  }

  /** The same drawing with another stroke. */
  goOn(picture: Picture): void {
    this.picture = picture;
    this.#answers.follow((signal) => this.#answer(picture, signal));
    this.#looks.follow((signal) => this.#look(signal));
  }

  /** Something that draws a layer has come; it goes by calling what it gets. */
  need(layer: string): () => void {
    this.#needed.set(layer, (this.#needed.get(layer) ?? 0) + 1);
    this.#looks.follow((signal) => this.#look(signal));
    return () => {
      const rest = (this.#needed.get(layer) ?? 1) - 1;
      if (rest > 0) this.#needed.set(layer, rest);
      else this.#needed.delete(layer);
    };
  }

  #stop(): void {
    this.#answers.cancel();
    this.#looks.cancel();
  }

  #forget(): void {
    this.predictions = [];
    this.input = null;
    this.tensors = new Map();
    this.pictureProblem = this.#networkProblem = null;
    this.#answered = this.#seen = null;
  }

  async #answer(picture: Picture, signal: AbortSignal): Promise<void> {
    if (!this.#version) return;
    try {
      const { predictions } = await predict(this.#version, picture.bytes, signal);
      if (signal.aborted) return;
      this.predictions = predictions;
      this.pictureProblem = null;
    } catch (error) {
      if (isAbort(error)) throw error;
      this.predictions = [];
      this.pictureProblem = this.#problemOf(error);
    }
    this.#answered = picture;
  }

  /** Brings pixels and tensors to what is needed now: anew for another picture, else what is missing. */
  async #look(signal: AbortSignal): Promise<void> {
    // By then all that is about to be drawn has said so.
    await tick();
    const { picture } = this;
    const version = this.#version;
    if (signal.aborted || !version || !picture) return;
    const isNew = picture !== this.#seen;
    const known: ReadonlyMap<string, Tensor> = isNew ? new Map() : this.tensors;
    const [input, tensors] = await Promise.allSettled([
      isNew ? fetchInput(version, picture.bytes, signal) : this.input,
      this.#fetchMissing(version, picture, known, signal),
    ]);
    if (signal.aborted) return;
    this.input = input.status === "fulfilled" ? input.value : null;
    this.tensors = tensors.status === "fulfilled" ? tensors.value : known;
    const failed = [input, tensors].find((result) => result.status === "rejected");
    this.#networkProblem = failed ? this.#problemOf(failed.reason) : null;
    this.#seen = picture;
  }

  async #fetchMissing(
    version: Version,
    picture: Picture,
    known: ReadonlyMap<string, Tensor>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Tensor>> {
    // In the order of computation, whatever the order of being needed.
    const names = this.#layers
      .map(({ name }) => name)
      .filter((name) => this.#needed.has(name) && !known.has(name));
    if (names.length === 0) return known;
    // The service has a graph ready that answers with all of them.
    const asked = names.length === this.#layers.length ? [] : names;
    return new Map([...known, ...(await fetchActivations(version, picture.bytes, asked, signal))]);
  }

  #problemOf(reason: unknown): string {
    if (reason instanceof ServerGone) this.onServerGone();
    return reason instanceof Error ? reason.message : String(reason);
  }
}
