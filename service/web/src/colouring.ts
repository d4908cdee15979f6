/** Turns the choice of what colours are relative to into the scale of a map. */
import type { Maps } from "./maps";
import { scaleOf, type Scale, type Theme } from "./scale";

export const SPANS = ["map", "layer", "network"] as const;

/** The same colour means the same number within one map, one layer, or the whole network. */
export type Span = (typeof SPANS)[number];

export function spanOf(text: string | null): Span {
  return SPANS.find((span) => span === text) ?? "layer";
}

/** The least and the largest of some values. */
export interface Extremes {
  readonly minimum: number;
  readonly maximum: number;
}

export class Colouring {
  constructor(
    readonly span: Span,
    private readonly theme: Theme,
    /** Of all that the network computed; null while nobody knows it. */
    private readonly network: Extremes | null,
  ) {}

  /** The scale of one channel, or of the layer as a whole. */
  of(maps: Maps, channel: number | null = null): Scale {
    const own = this.span === "map" && channel !== null ? maps.statistics[channel] : undefined;
    const all = this.span === "network" ? this.network : null;
    const { minimum, maximum } = own ?? all ?? maps.whole;
    return scaleOf(minimum, maximum, this.theme);
  }
}
