/** Turns tensors into the smallest and the largest number of all of them, zero among them. */
import { mapsOf } from "../maps";
import type { Tensor } from "../safetensors";

export function extentOf(tensors: readonly (Tensor | null | undefined)[]): {
  minimum: number;
  maximum: number;
} {
  let [minimum, maximum] = [0, 0];
  for (const tensor of tensors) {
    if (!tensor) continue;
    const { whole } = mapsOf(tensor);
    minimum = Math.min(minimum, whole.minimum);
    maximum = Math.max(maximum, whole.maximum);
  }
  return { minimum, maximum };
}
