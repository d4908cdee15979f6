/** Turns a moment of a version's training into requests to the network as it was then. */
import { parseSafetensors, type Tensor } from "../safetensors";
import type { Moment } from "../compare/moments";
import { ask, at, post, type Version } from "./client";
import type { Prediction } from "./documents";
import { pathOf } from "./inspection";

const SAFETENSORS = "application/vnd.safetensors";

export function framePath(of: Version, moment: Moment, rest: string): string {
  return at(of, moment === "published" ? rest : `/film/${moment}${rest}`);
}

/** All labels, most probable first. */
export async function predictThen(
  of: Version,
  moment: Moment,
  picture: Blob,
  labels: number,
  signal: AbortSignal,
): Promise<Prediction[]> {
  const path = framePath(of, moment, `/predict?top_k=${labels}`);
  const response = await post(path, picture, "application/json", signal);
  return ((await response.json()) as { predictions: Prediction[] }).predictions;
}

export async function fetchActivationsThen(
  of: Version,
  moment: Moment,
  picture: Blob,
  layer: string,
  signal: AbortSignal,
): Promise<Tensor | null> {
  const query = new URLSearchParams({ layers: layer });
  const response = await post(
    framePath(of, moment, `/activations?${query.toString()}`),
    picture,
    SAFETENSORS,
    signal,
  );
  return parseSafetensors(await response.arrayBuffer()).get(layer) ?? null;
}

export async function fetchWeightsThen(
  of: Version,
  moment: Moment,
  layer: string,
  signal: AbortSignal,
): Promise<Map<string, Tensor>> {
  const response = await ask(framePath(of, moment, `/weights/${pathOf(layer)}`), {
    signal,
    headers: { accept: SAFETENSORS },
  });
  return parseSafetensors(await response.arrayBuffer());
}
