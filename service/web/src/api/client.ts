/** Turns calls into requests to the service on this page's own origin, and their answers into typed documents. */
import { parseSafetensors, type Tensor } from "../safetensors";
import type { KeptPicture, Layers, Model, Models, Predictions, Samples, TrainingReport } from "./documents";
import { keyring } from "./keyring";
import { isAbort, refusalOf, ServerGone } from "./problem";

/** One published version: everything on one screen is of one version, whatever is promoted meanwhile. */
export interface Version {
  model: string;
  version: number;
}

/** What a proxy answers when nothing stands behind it. */
const GATEWAY_ALONE = new Set([502, 504]);

/** Sends a request, again with another key where one is needed. */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  for (;;) {
    const { key } = keyring;
    const response = await send(
      path,
      key === null ? init : { ...init, headers: { ...init.headers, "x-api-key": key } },
    );
    if (response.ok) return response;
    const refusal = await refusalOf(response);
    if (!(await keyring.another(refusal, key))) throw refusal;
  }
}

async function send(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ServerGone();
  }
  if (GATEWAY_ALONE.has(response.status)) throw new ServerGone();
  return response;
}

export async function get<Document>(path: string, signal?: AbortSignal): Promise<Document> {
  const response = await ask(path, { signal: signal ?? null, headers: { accept: "application/json" } });
  return (await response.json()) as Document;
}

export function post(path: string, picture: Blob, accept: string, signal?: AbortSignal): Promise<Response> {
  // A file without a known ending has no type; the service looks at the bytes, not at the subtype.
  const type = picture.type.startsWith("image/") ? picture.type : "image/png";
  return ask(path, {
    method: "POST",
    body: picture,
    signal: signal ?? null,
    headers: { accept, "content-type": type },
  });
}

export function at({ model, version }: Version, rest = ""): string {
  return `/v1/models/${encodeURIComponent(model)}/versions/${version}${rest}`;
}

export const fetchModels = (): Promise<Models> => get("/v1/models");
export const fetchModel = (of: Version, signal?: AbortSignal): Promise<Model> => get(at(of), signal);
export const fetchLayers = (of: Version, signal?: AbortSignal): Promise<Layers> =>
  get(at(of, "/layers"), signal);
export const fetchSamples = (of: Version, signal?: AbortSignal): Promise<Samples> =>
  get(at(of, "/samples"), signal);

export function sampleUrl(of: Version, file: string): string {
  return at(of, `/samples/${encodeURIComponent(file)}`);
}

export function reportUrl(of: Version): string {
  return at(of, "/report");
}

/** What the report says, as data. */
export const fetchReport = (of: Version, signal: AbortSignal): Promise<TrainingReport> =>
  get(reportUrl(of), signal);

/** A picture, or a page, of the service. */
export async function fetchPicture(url: string, signal?: AbortSignal): Promise<Blob> {
  return (await ask(url, { signal: signal ?? null })).blob();
}

export const fetchSample = (of: Version, file: string, signal: AbortSignal): Promise<Blob> =>
  fetchPicture(sampleUrl(of, file), signal);

/** Keeps the report as a file: a browser that goes to its address has no key to show. */
export async function downloadReport(of: Version): Promise<void> {
  const url = URL.createObjectURL(await fetchPicture(reportUrl(of)));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${of.model}-${of.version}.html`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export const predictPath = (of: Version): string => at(of, "/predict?top_k=10");

export async function predict(of: Version, picture: Blob, signal: AbortSignal): Promise<Predictions> {
  const response = await post(predictPath(of), picture, "application/json", signal);
  return (await response.json()) as Predictions;
}

/** The exact pixels that the network saw. */
export async function fetchInput(of: Version, picture: Blob, signal: AbortSignal): Promise<Blob> {
  return (await post(at(of, "/input"), picture, "image/png", signal)).blob();
}

export function activationsPath(of: Version, layers: readonly string[]): string {
  const query = new URLSearchParams(layers.map((name) => ["layers", name]));
  return at(of, layers.length ? `/activations?${query.toString()}` : "/activations");
}

export async function fetchActivations(
  of: Version,
  picture: Blob,
  layers: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, Tensor>> {
  const response = await post(activationsPath(of, layers), picture, "application/vnd.safetensors", signal);
  return parseSafetensors(await response.arrayBuffer());
}

/** Gives a picture with its true label to the service, which keeps it to be learnt from. */
export async function correct(of: Version, picture: Blob, label: string): Promise<KeptPicture> {
  const query = new URLSearchParams({ label });
  const response = await post(at(of, `/feedback?${query.toString()}`), picture, "application/json");
  return (await response.json()) as KeptPicture;
}

/** Whether anything answers; a service without a ready model still does. */
export async function isAlive(): Promise<boolean> {
  try {
    await ask("/v2/health/ready");
    return true;
  } catch (error) {
    return !(error instanceof ServerGone);
  }
}
