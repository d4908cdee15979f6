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
  const response = await ask(weightsPath(of, layer), {
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

/** How many products of a dense layer are told one by one. */
const TOP = 20;

export function tracePath(of: Version, spot: Spot, top = TOP): string {
  const query = new URLSearchParams({
    layer: spot.layer,
    channel: String(spot.channel),
    y: String(spot.y ?? 0),
    x: String(spot.x ?? 0),
    top: String(top),
  });
  return at(of, `/trace?${query.toString()}`);
}

export async function fetchTrace(
  of: Version,
  picture: Blob,
  spot: Spot,
  signal: AbortSignal,
  top = TOP,
): Promise<Trace> {
  const response = await post(tracePath(of, spot, top), picture, "application/json", signal);
  return (await response.json()) as Trace;
}

export const fetchExemplars = (
  of: Version,
  layer: string,
  channel: number,
  signal: AbortSignal,
): Promise<Exemplars> => get(at(of, `/exemplars/${pathOf(layer)}/${channel}`), signal);

/** What can be said of every layer's values in a few numbers, without the values. */
export const statisticsPath = (of: Version): string => at(of, "/activations?values=false");
export const timingsPath = (of: Version): string => at(of, "/timings");
export const weightsPath = (of: Version, layer: string): string => at(of, `/weights/${pathOf(layer)}`);

export async function fetchStatistics(
  of: Version,
  picture: Blob,
  signal: AbortSignal,
): Promise<Activations["layers"]> {
  const response = await post(statisticsPath(of), picture, "application/json", signal);
  return ((await response.json()) as Activations).layers;
}

export async function fetchTimings(of: Version, picture: Blob, signal: AbortSignal): Promise<Timings> {
  return (await post(timingsPath(of), picture, "application/json", signal)).json() as Promise<Timings>;
}
