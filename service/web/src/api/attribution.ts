/** Turns questions about what decided into requests, and their answers into maps of the picture. */
import { parseMetadata, parseSafetensors } from "../safetensors";
import { ask, at, post, type Version } from "./client";
import type { Attribution } from "./documents";

export interface Question {
  readonly method: Attribution["method"];
  /** A label's number; null: the most probable one. */
  readonly label: number | null;
  /** Whose maps are weighed; null: the service chooses, or the method weighs none. */
  readonly layer: string | null;
  /** What stands for “nothing there”, where the method has to know; null: it hasn't. */
  readonly baseline: "black" | "mean" | null;
}

export interface Heat {
  readonly height: number;
  readonly width: number;
  readonly values: Float32Array;
  /** The class's number, its label and its logit, which the map explains. */
  readonly label: number;
  readonly name: string;
  readonly score: number;
  readonly layer: string | null;
  /** All that the answer says of itself, the method's own figures too. */
  readonly metadata: Readonly<Record<string, string>>;
}

export function attributionPath(of: Version, { method, label, layer, baseline }: Question): string {
  const query = new URLSearchParams({ method });
  if (label !== null) query.set("class", String(label));
  if (layer !== null) query.set("layer", layer);
  if (baseline !== null) query.set("baseline", baseline);
  return at(of, `/attributions?${query.toString()}`);
}

export async function fetchHeat(
  of: Version,
  picture: Blob,
  question: Question,
  signal: AbortSignal,
): Promise<Heat> {
  const response = await post(attributionPath(of, question), picture, "application/vnd.safetensors", signal);
  const buffer = await response.arrayBuffer();
  const values = parseSafetensors(buffer).get("values");
  if (!values) throw new Error("The service's answer has no map.");
  const metadata = parseMetadata(buffer);
  return {
    ...{ height: values.shape[0] ?? 1, width: values.shape[1] ?? 1, values: values.values },
    ...{ label: Number(metadata["class"]), name: metadata["label"] ?? "", score: Number(metadata["score"]) },
    ...{ layer: metadata["layer"] ?? null, metadata },
  };
}

/** Probabilities of all labels for pixels as the network takes them: one array for each picture. */
export async function classifyPixels(
  { model, version }: Version,
  pictures: readonly Uint8Array[],
  shape: { readonly height: number; readonly width: number; readonly channels: number },
  signal: AbortSignal,
): Promise<number[][]> {
  const size = pictures.reduce((sum, { length }) => sum + length, 0);
  const head = new TextEncoder().encode(
    JSON.stringify({
      inputs: [
        {
          ...{ name: "pixels", datatype: "UINT8" },
          shape: [pictures.length, shape.height, shape.width, shape.channels],
          parameters: { binary_data_size: size },
        },
      ],
      outputs: [{ name: "probabilities" }],
    }),
  );
  const response = await ask(`/v2/models/${encodeURIComponent(model)}/versions/${version}/infer`, {
    method: "POST",
    body: new Blob([head, ...(pictures as Uint8Array<ArrayBuffer>[])]),
    signal,
    headers: {
      "content-type": "application/octet-stream",
      "inference-header-content-length": String(head.length),
    },
  });
  const { outputs } = (await response.json()) as { outputs: { shape: number[]; data: number[] }[] };
  const { shape: sizes, data } = outputs[0] ?? { shape: [], data: [] };
  const labels = sizes[1] ?? 1;
  return pictures.map((_, picture) => data.slice(picture * labels, (picture + 1) * labels));
}
