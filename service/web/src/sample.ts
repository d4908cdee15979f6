/** Turns a sample of a version into a picture to read, with the label that it is known to have. */
import { fetchSample, type Version } from "./api/client";
import type { SamplePicture } from "./api/documents";
import type { Picture } from "./reading.svelte";

export async function readSample(
  of: Version,
  samples: readonly SamplePicture[],
  file: string,
  signal: AbortSignal,
): Promise<Picture> {
  const bytes = await fetchSample(of, file, signal);
  const truth = samples.find((sample) => sample.file === file)?.label ?? null;
  return { kind: "sample", bytes, title: truth === null ? file : `Sample “${truth}”`, truth };
}
