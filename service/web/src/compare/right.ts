/** Turns what was chosen for the right side into a version, and into which picture it reads. */
import type { Version } from "../api/client";
import type { Model, SamplePicture } from "../api/documents";

/** The names of the choices in the URL. */
export const RIGHT = {
  model: "rightmodel",
  version: "rightversion",
  sample: "rightsample",
  picture: "rightpicture",
} as const;

/** The value of `RIGHT.picture` that means the left side's picture. */
export const SAME = "same";

type Choice = (name: string) => string | null;

/** What isn't chosen is another version of the model on the left, where it has one: what did training change? */
export function rightVersion(left: Model, listed: readonly Model[], choice: Choice): Version {
  const model = listed.find(({ name }) => name === choice(RIGHT.model)) ?? left;
  const number = Number(choice(RIGHT.version) ?? NaN);
  if (model.versions.includes(number)) return { model: model.name, version: number };
  if (model.name !== left.name) return { model: model.name, version: model.version };
  const others = left.versions.filter((version) => version !== left.version);
  return { model: left.name, version: others.at(-1) ?? left.version };
}

export type RightPicture =
  | { readonly kind: "same" }
  | { readonly kind: "sample"; readonly file: string }
  | { readonly kind: "kept"; readonly hash: string };

/** The left side's picture; but where both sides are the same version, another sample: else nothing would differ. */
export function rightPicture(
  isSameVersion: boolean,
  samples: readonly SamplePicture[],
  truth: string | null,
  choice: Choice,
): RightPicture {
  const file = choice(RIGHT.sample);
  if (samples.some((sample) => sample.file === file) && file !== null) return { kind: "sample", file };
  const hash = choice(RIGHT.picture);
  if (hash !== null && hash !== SAME) return { kind: "kept", hash };
  const other = samples.find(({ label }) => label !== truth);
  return hash === null && isSameVersion && other ? { kind: "sample", file: other.file } : { kind: "same" };
}
