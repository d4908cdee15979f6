/** Turns a version and a picture into the right side of a comparison: a second reading beside the session's. */
import { fetchLayers, fetchModel, fetchSamples, type Version } from "../api/client";
import type { Layers, Model, SamplePicture } from "../api/documents";
import { findPicture } from "../album";
import { isAbort, ServerGone } from "../api/problem";
import { Newest } from "../newest";
import { Reading, type Picture } from "../reading.svelte";
import { readSample } from "../sample";
import type { RightPicture } from "./right";

export class Side {
  model = $state.raw<Model | null>(null);
  layers = $state.raw<Layers | null>(null);
  samples = $state.raw<readonly SamplePicture[]>([]);
  problem = $state<string | null>(null);
  readonly reading: Reading;
  #version: Version | null = null;
  #opening = new Newest();
  #finding = new Newest();

  constructor(private readonly onServerGone: () => void) {
    this.reading = new Reading(onServerGone);
  }

  /** Another version; it reads nothing before it is told to. */
  open(version: Version): void {
    if (version.model === this.#version?.model && version.version === this.#version.version) return;
    this.#version = version;
    this.#opening.replace((signal) => this.#guarded(() => this.#open(version, signal)));
  }

  /** Once it is opened: its picture, `same` being what the left side reads. */
  read(picture: RightPicture, same: Picture | null): void {
    this.#finding.replace((signal) => this.#guarded(() => this.#read(picture, same, signal)));
  }

  close(): void {
    this.#opening.cancel();
    this.#finding.cancel();
    this.reading.use(null, []);
  }

  async #open(version: Version, signal: AbortSignal): Promise<void> {
    const [model, layers, samples] = await Promise.all([
      fetchModel(version, signal),
      fetchLayers(version, signal),
      fetchSamples(version, signal),
    ]);
    this.reading.use(version, layers.layers);
    this.samples = samples.samples;
    this.layers = layers;
    this.model = model;
  }

  async #read(picture: RightPicture, same: Picture | null, signal: AbortSignal): Promise<void> {
    const found = await this.#find(picture, same, signal);
    if (!signal.aborted) this.reading.read(found);
  }

  async #find(picture: RightPicture, same: Picture | null, signal: AbortSignal): Promise<Picture | null> {
    if (picture.kind === "same") return same;
    if (picture.kind === "kept") {
      const kept = await findPicture(picture.hash);
      if (!kept) throw new Error("The picture of this link isn't kept in this browser: choose another one.");
      return { ...kept, truth: null };
    }
    return this.#version && readSample(this.#version, this.samples, picture.file, signal);
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.problem = null;
    } catch (error) {
      if (isAbort(error)) throw error;
      if (error instanceof ServerGone) this.onServerGone();
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }
}
