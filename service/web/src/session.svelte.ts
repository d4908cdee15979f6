/** Turns the URL and a person's choices into one model version, its description and the picture that it reads. */
import { fetchLayers, fetchModel, fetchModels, fetchSamples, isAlive, type Version } from "./api/client";
import type { Layers, Model, Models, SamplePicture } from "./api/documents";
import { isAbort, ServerGone } from "./api/problem";
import { findPicture, keepPicture } from "./album";
import { Colouring, spanOf } from "./colouring";
import { Measures } from "./measures.svelte";
import { Newest } from "./newest";
import { Reading, type Picture } from "./reading.svelte";
import { readSample } from "./sample";
import { theme } from "./theme.svelte";
import { Tracing } from "./tracing.svelte";
import { hashOf, START, viewOf, withChoice, type Place, type View } from "./view";
import { Weights } from "./weights.svelte";

const RETRY_MILLISECONDS = 2000;

/** How long a drawing has to rest before it is kept. */
const RESTING_MILLISECONDS = 400;

export class Session {
  view = $state<View>(viewOf(location.hash));
  models = $state.raw<Models | null>(null);
  model = $state.raw<Model | null>(null);
  layers = $state.raw<Layers | null>(null);
  samples = $state.raw<readonly SamplePicture[]>([]);
  problem = $state<string | null>(null);
  serverGone = $state(false);
  /** Somebody found the service gone. */
  readonly lost = (): void => this.#lost();
  readonly reading = new Reading(this.lost);
  readonly weights = new Weights(this.lost);
  readonly measures = new Measures(this.lost);
  readonly tracing = new Tracing(this.lost);
  readonly colouring: Colouring = $derived(
    new Colouring(spanOf(this.choice("colours")), theme.now, this.measures.extremes),
  );
  #resting: ReturnType<typeof setTimeout> | undefined;
  readonly #choosing = new Newest();
  readonly #fetchingSample = new Newest();

  get version(): Version | null {
    return this.model && { model: this.model.name, version: this.model.version };
  }

  async start(): Promise<void> {
    try {
      this.models = await fetchModels();
      this.serverGone = false;
      this.problem = null;
      this.#choose();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Another link was pasted into the address bar, or the browser went back. */
  follow(hash: string): void {
    if (hash === hashOf(this.view)) return;
    const before = this.view;
    this.view = viewOf(hash);
    const { model, version, sample, picture } = this.view;
    if (model !== before.model || version !== before.version) this.#choose();
    else if (sample !== before.sample || picture !== before.picture) void this.#readFirst();
  }

  chooseModel(name: string, version: number | null = null): void {
    const { picture, place } = this.view;
    this.go({ ...START, model: name, version, picture, place });
    this.#choose();
  }

  chooseSample(file: string): void {
    this.#forgetDrawing();
    this.show({ sample: file, picture: null });
    this.#fetchingSample.replace((signal) => this.#guarded(() => this.#readSample(file, signal)));
  }

  readFile(file: File): void {
    this.#fetchingSample.cancel();
    this.#forgetDrawing();
    const picture: Picture = { kind: "file", bytes: file, title: file.name || "Pasted picture", truth: null };
    this.show({ sample: null, picture: null });
    this.reading.read(picture);
    void this.#keep(picture);
  }

  readDrawing(bytes: Blob, isNew: boolean): void {
    this.#fetchingSample.cancel();
    this.#forgetDrawing();
    const picture: Picture = { kind: "drawing", bytes, title: "Your drawing", truth: null };
    if (this.view.sample !== null || this.view.picture !== null) this.show({ sample: null, picture: null });
    if (isNew) this.reading.read(picture);
    else this.reading.goOn(picture);
    this.#resting = setTimeout(() => void this.#keep(picture), RESTING_MILLISECONDS);
  }

  clear(): void {
    this.#fetchingSample.cancel();
    this.#forgetDrawing();
    this.show({ sample: null, picture: null });
    this.reading.read(null);
  }

  /** Replaces the URL: a link to what is seen, without a step back for every sample looked at. */
  show(change: Partial<View>): void {
    this.view = { ...this.view, ...change };
    history.replaceState(null, "", hashOf(this.view) || location.pathname);
  }

  /** Goes somewhere else: the browser's Back comes back from there. */
  go(change: Partial<View>): void {
    this.view = { ...this.view, ...change };
    history.pushState(null, "", hashOf(this.view) || location.pathname);
  }

  /** The address of another place, for a link. */
  addressOf(place: Place): string {
    return hashOf({ ...this.view, place }) || "#";
  }

  /** What was chosen for a place, by a name that no other place uses. */
  choice(name: string): string | null {
    return this.view.choices[name] ?? null;
  }

  choose(name: string, value: string | null): void {
    this.show(withChoice(this.view, name, value));
  }

  /** Keeps a picture of the person's own, so that the link to it holds in this browser. */
  async #keep(picture: Picture): Promise<void> {
    if (picture.kind === "sample") return;
    const hash = await keepPicture({ bytes: picture.bytes, title: picture.title, kind: picture.kind });
    if (this.reading.picture === picture) this.show({ picture: hash });
  }

  #forgetDrawing(): void {
    clearTimeout(this.#resting);
  }

  #choose(): void {
    const listed = this.models?.models ?? [];
    const named = listed.find(({ name }) => name === this.view.model);
    const first = this.view.model === null ? listed[0] : undefined;
    const model = named ?? first;
    this.problem = null;
    this.#fetchingSample.cancel();
    if (model) this.#choosing.replace((signal) => this.#guarded(() => this.#open(model, signal)));
    else if (listed.length) this.problem = `No model is called “${this.view.model}”: choose one above.`;
  }

  async #open(listed: Model, signal: AbortSignal): Promise<void> {
    const version = { model: listed.name, version: this.view.version ?? listed.version };
    const [model, layers, samples] = await Promise.all([
      version.version === listed.version ? listed : fetchModel(version, signal),
      fetchLayers(version, signal),
      fetchSamples(version, signal),
    ]);
    this.show({ model: model.name });
    this.model = model;
    this.layers = layers;
    this.samples = samples.samples;
    this.reading.use(version, layers.layers);
    this.weights.use(version);
    await this.#readFirst();
  }

  /** The sample or kept picture that the URL names, else the person's own again, else the first sample. */
  async #readFirst(): Promise<void> {
    const linked = this.samples.find(({ file }) => file === this.view.sample);
    const kept = linked || this.view.picture === null ? null : await findPicture(this.view.picture);
    const own = this.reading.picture?.kind === "sample" ? null : this.reading.picture;
    const file = linked?.file ?? (kept || own ? undefined : this.samples[0]?.file);
    if (file !== undefined) this.chooseSample(file);
    else this.reading.read(kept ? { ...kept, truth: null } : own);
  }

  async #readSample(file: string, signal: AbortSignal): Promise<void> {
    if (!this.version) return;
    this.reading.read(await readSample(this.version, this.samples, file, signal));
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.problem = null;
    } catch (error) {
      if (isAbort(error)) throw error;
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (error instanceof ServerGone) this.#lost();
    else this.problem = error instanceof Error ? error.message : String(error);
  }

  #lost(): void {
    if (this.serverGone) return;
    this.serverGone = true;
    void this.#waitForServer();
  }

  async #waitForServer(): Promise<void> {
    while (!(await isAlive())) await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
    this.serverGone = false;
    await this.start();
  }
}
