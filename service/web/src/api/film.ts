/** Turns a step of a version's training into requests to the network as it was then. */
import { parseSafetensors, type Tensor } from "../safetensors";
import { ask, at, post, type Version } from "./client";
import type { Prediction } from "./documents";
import { pathOf } from "./inspection";

const SAFETENSORS = "application/vnd.safetensors";

export const framePath = (of: Version, step: number, rest: string): string => at(of, `/film/${step}${rest}`);

/** All labels, most probable first. */
export async function predictThen(
  of: Version,
  step: number,
  picture: Blob,
  labels: number,
  signal: AbortSignal,
): Promise<Prediction[]> {
  const path = framePath(of, step, `/predict?top_k=${labels}`);
  const response = await post(path, picture, "application/json", signal);
  return ((await response.json()) as { predictions: Prediction[] }).predictions;
}

export async function fetchActivationsThen(
  of: Version,
  step: number,
  picture: Blob,
  layer: string,
  signal: AbortSignal,
): Promise<Tensor | null> {
  const query = new URLSearchParams({ layers: layer });
  const response = await post(
    framePath(of, step, `/activations?${query.toString()}`),
    picture,
    SAFETENSORS,
    signal,
  );
  return parseSafetensors(await response.arrayBuffer()).get(layer) ?? null;
}

export async function fetchWeightsThen(
  of: Version,
  step: number,
  layer: string,
  signal: AbortSignal,
): Promise<Map<string, Tensor>> {
  const response = await ask(framePath(of, step, `/weights/${pathOf(layer)}`), {
    signal,
    headers: { accept: SAFETENSORS },
  });
  return parseSafetensors(await response.arrayBuffer());
}
