/** Turns questions about a network's inside into requests, and their answers into tensors and documents. */
import { parseSafetensors, type Tensor } from "../safetensors";
import { ask, at, get, post, type Version } from "./client";
import type { Activations, Exemplars, Timings, Trace } from "./documents";

const SAFETENSORS = "application/vnd.safetensors";

/** A layer's name as a part of a path: slashes are separators that the service expects as they are. */
export function pathOf(layer: string): string {
  return layer.split("/").map(encodeURIComponent).join("/");
}

/** By what each array is: `weight`, `bias`, `scale` and the like. */
export async function fetchWeights(
  of: Version,
  layer: string,
  signal: AbortSignal,
): Promise<Map<string, Tensor>> {
  const response = await ask(at(of, `/weights/${pathOf(layer)}`), {
    signal,
    headers: { accept: SAFETENSORS },
  });
  return parseSafetensors(await response.arrayBuffer());
}

/** One number of one layer: rows and columns only where the layer has them. */
export interface Spot {
  readonly layer: string;
  readonly channel: number;
  readonly y: number | null;
  readonly x: number | null;
}

export async function fetchTrace(
  of: Version,
  picture: Blob,
  spot: Spot,
  signal: AbortSignal,
  top = 20,
): Promise<Trace> {
  const query = new URLSearchParams({
    layer: spot.layer,
    channel: String(spot.channel),
    y: String(spot.y ?? 0),
    x: String(spot.x ?? 0),
    top: String(top),
  });
  const response = await post(at(of, `/trace?${query.toString()}`), picture, "application/json", signal);
  return (await response.json()) as Trace;
}

export const fetchExemplars = (
  of: Version,
  layer: string,
  channel: number,
  signal: AbortSignal,
): Promise<Exemplars> => get(at(of, `/exemplars/${pathOf(layer)}/${channel}`), signal);

/** What can be said of every layer's values in a few numbers, without the values. */
export async function fetchStatistics(
  of: Version,
  picture: Blob,
  signal: AbortSignal,
): Promise<Activations["layers"]> {
  const response = await post(at(of, "/activations?values=false"), picture, "application/json", signal);
  return ((await response.json()) as Activations).layers;
}

export async function fetchTimings(of: Version, picture: Blob, signal: AbortSignal): Promise<Timings> {
  return (await post(at(of, "/timings"), picture, "application/json", signal)).json() as Promise<Timings>;
}
