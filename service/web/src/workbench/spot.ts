/** Turns a number on the bench into the URL's text and back: which stage, which channel, which place. */
import type { Channels } from "../maps";

/** Stage 0 is the picture, stage n what step n made. */
export interface Spot {
  readonly stage: number;
  readonly channel: number;
  readonly y: number;
  readonly x: number;
}

export function textOfSpot({ stage, channel, y, x }: Spot): string {
  return [stage, channel, y, x].join(".");
}

/** What the text says, moved to where there is something; without a text, where the first step has most to say. */
export function spotOf(text: string | null, stages: readonly Channels[]): Spot | null {
  if (text === null) return strongest(stages);
  const [stage, channel, y, x] = text.split(".").map(Number);
  const at = within(stage, stages.length);
  const maps = stages[at];
  if (!maps) return null;
  return {
    stage: at,
    channel: within(channel, maps.count),
    y: within(y, maps.height),
    x: within(x, maps.width),
  };
}

/** The number that is furthest from 0 after the first step; of the picture, where there is no step. */
function strongest(stages: readonly Channels[]): Spot | null {
  const stage = Math.min(1, stages.length - 1);
  const maps = stages[stage];
  if (!maps) return null;
  let best = 0;
  maps.values.forEach((value, place) => {
    if (Math.abs(value) > Math.abs(maps.values[best] ?? 0)) best = place;
  });
  const size = maps.height * maps.width;
  const cell = best % size;
  return {
    stage,
    channel: Math.floor(best / size),
    y: Math.floor(cell / maps.width),
    x: cell % maps.width,
  };
}

/** One row or column further, or as many as fit. */
export function moved(spot: Spot, maps: Channels, down: number, across: number): Spot {
  return { ...spot, y: within(spot.y + down, maps.height), x: within(spot.x + across, maps.width) };
}

function within(place: number | undefined, count: number): number {
  return Math.max(0, Math.min(count - 1, Number.isInteger(place) ? Number(place) : 0));
}
