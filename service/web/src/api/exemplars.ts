/** Turns questions about the pictures that excite channels into requests. */
import { at, get, type Version } from "./client";
import type { ExemplarLayers } from "./documents";

export const fetchExemplarLayers = (of: Version, signal: AbortSignal): Promise<ExemplarLayers> =>
  get(at(of, "/exemplars"), signal);
