/** Turns a wish to see what excites a channel into pictures that come nearer to it, one after the other. */
import { eventsOf } from "../events";
import { ask, at, type Version } from "./client";
import type { Dream } from "./documents";

export interface DreamStep {
  readonly step: number;
  readonly steps: number;
  /** The channel's mean in the picture as this step saw it. */
  readonly activation: number;
  /** Of some steps only, as a data URI. */
  readonly picture?: string;
}

/** Tells of every step, and gives the last picture; the service stops when the signal is aborted. */
export async function dream(
  of: Version,
  wish: { readonly layer: string; readonly channel: number; readonly seed: number },
  onstep: (step: DreamStep) => void,
  signal: AbortSignal,
): Promise<Dream> {
  const query = new URLSearchParams({
    ...{ layer: wish.layer, channel: String(wish.channel), seed: String(wish.seed) },
  });
  const response = await ask(at(of, `/dream?${query.toString()}`), {
    ...{ method: "POST", signal, headers: { accept: "text/event-stream" } },
  });
  if (response.body)
    for await (const { event, data } of eventsOf(response.body)) {
      if (event === "result") return JSON.parse(data) as Dream;
      onstep(JSON.parse(data) as DreamStep);
    }
  throw new Error("The service broke off before the dream was over: try again.");
}
