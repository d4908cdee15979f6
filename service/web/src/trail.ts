/** Turns a walk from number to number into text for the URL and back, and takes its next step. */
import type { Spot } from "./api/inspection";

/** From where the walk began to its end; each number is one that the one before it was made from. */
export type Trail = readonly Spot[];

export const isSame = (a: Spot, b: Spot): boolean =>
  a.layer === b.layer && a.channel === b.channel && a.y === b.y && a.x === b.x;

/** `dense:3,flatten:17,pool2:0:4:2`: what a name could have of colons and commas is escaped. */
export function writeTrail(trail: Trail): string {
  return trail
    .map(({ layer, channel, y, x }) =>
      [encodeURIComponent(layer), channel, y, x].filter((part) => part !== null).join(":"),
    )
    .join(",");
}

/** What isn't a spot is left out: a link may have been cut. */
export function readTrail(text: string | null): Trail {
  return (text ?? "").split(",").flatMap((part) => {
    const match = /^([^:]+):(\d{1,9})(?::(\d{1,9}))?(?::(\d{1,9}))?$/.exec(part);
    if (!match) return [];
    const [, name = "", channel, y, x] = match;
    const number = (digits: string | undefined): number | null =>
      digits === undefined ? null : Number(digits);
    return [{ layer: decode(name), channel: Number(channel), y: number(y), x: number(x) }];
  });
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** The walk goes on from here; what lay beyond was another way. From beside the trail a new one begins. */
export function follow(trail: Trail, here: Spot, next: Spot): Trail {
  const at = trail.findIndex((spot) => isSame(spot, here));
  return [...(at < 0 ? [here] : trail.slice(0, at + 1)), next];
}
