/** Turns a picture and a version into what was measured of every layer: statistics of its values, and its time. */
import type { Version } from "./api/client";
import type { LayerStatistics, Timings } from "./api/documents";
import { fetchStatistics, fetchTimings } from "./api/inspection";
import { Asking } from "./asking.svelte";
import type { Extremes } from "./colouring";

export class Measures {
  readonly statistics: Asking<ReadonlyMap<string, LayerStatistics>>;
  readonly timings: Asking<Timings>;
  #of: Version | null = null;

  /** Of all values of all layers. */
  readonly extremes: Extremes | null = $derived.by(() => {
    const layers = [...(this.statistics.now?.values() ?? [])];
    if (layers.length === 0) return null;
    return {
      minimum: Math.min(...layers.map(({ minimum }) => minimum)),
      maximum: Math.max(...layers.map(({ maximum }) => maximum)),
    };
  });

  constructor(onServerGone: () => void) {
    this.statistics = new Asking(onServerGone);
    this.timings = new Asking(onServerGone);
  }

  count(of: Version, picture: Blob): void {
    // Another picture's numbers may stand until the new ones come; another network's may not.
    if (this.#of?.model !== of.model || this.#of.version !== of.version) this.statistics.forget();
    this.#of = of;
    this.statistics.follow(async (signal) => {
      const layers = await fetchStatistics(of, picture, signal);
      return new Map(layers.map((layer) => [layer.name, layer.statistics]));
    });
  }

  time(of: Version, picture: Blob): void {
    this.timings.replace((signal) => fetchTimings(of, picture, signal));
  }

  /** The times, if they are of this version. */
  timingsOf({ model, version }: Version): Timings | null {
    const { now } = this.timings;
    return now?.model === model && now.version === version ? now : null;
  }
}
