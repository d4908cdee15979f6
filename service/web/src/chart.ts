/** Turns numbers into a chart's geometry: round ticks, places on the sheet, paths, the point nearest to the pointer. */

export interface Point {
  readonly x: number;
  readonly y: number;
  /** How many things it speaks of: its dot is as large. */
  readonly weight?: number;
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** From the least to the largest; a single value gets some room around it. */
export function rangeOf(values: readonly number[]): Range {
  const from = Math.min(...values);
  const to = Math.max(...values);
  if (!Number.isFinite(from)) return { from: 0, to: 1 };
  return from < to
    ? { from, to }
    : { from: from - (Math.abs(from) || 1) / 2, to: to + (Math.abs(to) || 1) / 2 };
}

/** A little more than the range, on both sides but not beyond the bounds. */
export function widened({ from, to }: Range, share: number, bounds: Range): Range {
  const more = (to - from) * share;
  return { from: Math.max(bounds.from, from - more), to: Math.min(bounds.to, to + more) };
}

/** About `count` round numbers within a range: 1, 2 or 5 times a power of ten apart. */
export function ticksOf({ from, to }: Range, count: number): number[] {
  const rough = (to - from) / Math.max(1, count);
  if (!(rough > 0)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((times) => times * power >= rough) ?? 10);
  const ticks = [];
  // Multiples of the step, not sums: so 0.3 is 0.3 and not 0.30000000000000004.
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to + step * 1e-9; i++)
    ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

/** Where a value lies on the sheet. */
export function placeOf(value: number, { from, to }: Range, begin: number, end: number): number {
  return begin + ((value - from) / (to - from || 1)) * (end - begin);
}

/** An SVG path through points that are already on the sheet. */
export function pathOf(points: readonly Point[]): string {
  return points.map(({ x, y }, i) => `${i ? "L" : "M"}${round(x)} ${round(y)}`).join("");
}

/** Index of the point whose x is nearest. */
export function nearest(points: readonly Point[], x: number): number {
  let best = 0;
  points.forEach((point, i) => {
    if (Math.abs(point.x - x) < Math.abs((points[best]?.x ?? Infinity) - x)) best = i;
  });
  return best;
}

/** Radius of a dot: its area grows with the weight. */
export function radiusOf({ weight }: Point, points: readonly Point[]): number {
  const largest = Math.max(...points.map((point) => point.weight ?? 0));
  return weight === undefined || largest === 0 ? 2 : 2 + 4 * Math.sqrt(weight / largest);
}

const round = (value: number): number => Math.round(value * 100) / 100;
