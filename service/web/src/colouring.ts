/** Turns the choice of what colours are relative to into the scale of a map. */
import { mapsOf, type Maps } from "./maps";
import type { Tensor } from "./safetensors";
import { scaleOf, type Scale, type Theme } from "./scale";

export const SPANS = ["map", "layer", "network"] as const;

/** The same colour means the same number within one map, one layer, or the whole network. */
export type Span = (typeof SPANS)[number];

export function spanOf(text: string | null): Span {
  return SPANS.find((span) => span === text) ?? "layer";
}

export class Colouring {
  readonly #network: { minimum: number; maximum: number };

  constructor(
    readonly span: Span,
    private readonly theme: Theme,
    /** All layers that are drawn; only needed where colours are relative to the network. */
    tensors: Iterable<Tensor>,
  ) {
    let [minimum, maximum] = [0, 0];
    if (span === "network")
      for (const tensor of tensors) {
        const { whole } = mapsOf(tensor);
        minimum = Math.min(minimum, whole.minimum);
        maximum = Math.max(maximum, whole.maximum);
      }
    this.#network = { minimum, maximum };
  }

  /** The scale of one channel, or of the layer as a whole. */
  of(maps: Maps, channel: number | null = null): Scale {
    const own = this.span === "map" && channel !== null ? maps.statistics[channel] : undefined;
    const { minimum, maximum } = own ?? (this.span === "network" ? this.#network : maps.whole);
    return scaleOf(minimum, maximum, this.theme);
  }
}
