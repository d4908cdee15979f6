/** Turns numbers and shapes into the text that a person reads. */
import { format } from "d3-format";

const grouped = format(",");
const significant = format(".3~r");
const exponent = format(".2~e");
const brief = format(".0e");

/** A true minus sign is as wide as a plus; a hyphen isn't. */
const withMinus = (text: string): string => text.replace("-", "−");

export function formatCount(count: number): string {
  return grouped(count);
}

/** `12.3 %`, `99.87 %`: more decimals where the difference to 0 or to 100 is what matters. */
export function formatShare(share: number): string {
  const percent = share * 100;
  if (share > 0 && percent < 0.01) return "< 0.01 %";
  if (share < 1 && percent > 99.99) return "> 99.99 %";
  return `${percent.toFixed(percent >= 0.1 && percent <= 99 ? 1 : 2).replace(/\.0+$/, "")} %`;
}

/** Three significant digits, for legends and labels; `exactly` says all of them. */
export function formatShort(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  return withMinus(size !== 0 && (size < 1e-3 || size >= 1e6) ? exponent(value) : significant(value));
}

/** Three significant digits, down to a thousandth: below is no clock. */
export function formatMilliseconds(milliseconds: number): string {
  return milliseconds === 0
    ? "0"
    : milliseconds.toFixed(milliseconds < 1 ? 3 : milliseconds < 10 ? 2 : milliseconds < 100 ? 1 : 0);
}

/** Six characters or so, for a cell of a grid: two digits of what is small, three of the rest. */
export function formatBriefly(value: number): string {
  const size = Math.abs(value);
  if (size === 0 || !Number.isFinite(value)) return formatShort(value);
  if (size < 1e-3) return withMinus(brief(value));
  return size < 0.1 ? withMinus(String(Number(value.toPrecision(2)))) : formatShort(value);
}

/** The shortest decimal that is exactly this float32: no digit invented, none lost. */
export function formatExactly(value: number): string {
  for (let digits = 6; digits <= 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === Math.fround(value)) return withMinus(String(Number(text)));
  }
  return withMinus(String(value));
}

/** Every digit of a float64. */
export function formatFully(value: number): string {
  return Number.isFinite(value) ? withMinus(String(value)) : formatShort(value);
}

/** `6 × 28 × 28`; a size that the file leaves open is a question mark. */
export function formatShape(shape: readonly number[]): string {
  return shape.map((size) => (size === 0 ? "?" : grouped(size))).join(" × ");
}

/** `max_pool` → `max pool`. */
export function formatKind(kind: string): string {
  return kind.replaceAll("_", " ");
}
