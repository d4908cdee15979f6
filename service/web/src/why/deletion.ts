/**
 * Turns a map of what decided into pictures with more and more of the most important pixels gone.
 *
 * Source: V. Petsiuk, A. Das, K. Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC
 * 2018, section 4.2: the faster the class's probability falls, the better the map says what the network looks at.
 */

/** Shares of the pixels that are gone: closer together at the beginning, where most of it happens. */
export const SHARES = [
  0, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1,
] as const;

/** What a pixel becomes that is gone: one number for each channel. */
export type Nothing = readonly number[];

/** Mulberry32: the same seed gives the same numbers in [0, 1). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** All pixels once, in an order that only the seed decides. Source: Fisher and Yates 1938, after Durstenfeld. */
export function randomOrder(count: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, pixel) => pixel);
  const random = randomFrom(seed);
  for (let last = count - 1; last > 0; last--) {
    const chosen = Math.floor(random() * (last + 1));
    [order[last], order[chosen]] = [order[chosen] ?? 0, order[last] ?? 0];
  }
  return order;
}

/** All pixels, what speaks most for the class first; equal ones in a random order, not from top to bottom. */
export function orderByImportance(heat: Float32Array): Uint32Array {
  return randomOrder(heat.length, 1).sort((a, b) => (heat[b] ?? 0) - (heat[a] ?? 0));
}

/** The pixels of a picture without the first share of an order. */
export function without(pixels: Uint8Array, order: Uint32Array, share: number, nothing: Nothing): Uint8Array {
  const left = pixels.slice();
  for (const pixel of order.subarray(0, Math.round(order.length * share)))
    nothing.forEach((value, channel) => (left[pixel * nothing.length + channel] = value));
  return left;
}

export function nothingOf(baseline: "black" | "mean", pixels: Uint8Array, channels: number): Nothing {
  if (baseline === "black") return Array<number>(channels).fill(0);
  const sums = Array<number>(channels).fill(0);
  pixels.forEach((value, index) => (sums[index % channels] = (sums[index % channels] ?? 0) + value));
  return sums.map((sum) => Math.round(sum / (pixels.length / channels || 1)));
}

/** The mean height of a curve over the shares, by the trapezoidal rule. */
export function areaUnder(heights: readonly number[]): number {
  let area = 0;
  for (let i = 1; i < heights.length; i++)
    area += (((heights[i] ?? 0) + (heights[i - 1] ?? 0)) / 2) * ((SHARES[i] ?? 0) - (SHARES[i - 1] ?? 0));
  return area;
}
