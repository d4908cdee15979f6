/** Turns the workbench's steps and a picture into requests to the service, and the answers into maps. */
import { parseSafetensors, type Tensor } from "../safetensors";
import { requestOf, type Kernel, type Step } from "../workbench/steps";
import { get, post } from "./client";
import type { Kernels } from "./documents";

/** Gives the picture back as it is: so the numbers that go in are the service's too. */
const PICTURE = { kind: "conv", kernel: [[1]], per_channel: true };

export function benchPath(steps: readonly Record<string, unknown>[], isGrey: boolean): string {
  const query = new URLSearchParams({ steps: JSON.stringify(steps) });
  if (isGrey) query.set("gray", "true");
  return `/v1/workbench?${query.toString()}`;
}

/** The picture's own values, from 0 to 1, and then what each step makes of them. */
export async function fetchBench(
  picture: Blob,
  steps: readonly Step[],
  isGrey: boolean,
  signal: AbortSignal,
): Promise<Tensor[]> {
  const path = benchPath([PICTURE, ...steps.map(requestOf)], isGrey);
  const response = await post(path, picture, "application/vnd.safetensors", signal);
  const tensors = [...parseSafetensors(await response.arrayBuffer())];
  const place = ([name]: [string, Tensor]): number => Number(name.split(" ", 1)[0]);
  return tensors.sort((a, b) => place(a) - place(b)).map(([, tensor]) => tensor);
}

/** The numbers of each named kernel, by name. */
export async function fetchKernels(signal: AbortSignal): Promise<ReadonlyMap<string, Kernel>> {
  const { kernels } = await get<Kernels>("/v1/workbench", signal);
  return new Map(kernels.map(({ name, weights }) => [name, weights]));
}
