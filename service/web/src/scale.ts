/** Turns values into colours: zero is neutral, negative red, positive blue, the same size equally strong. */
import { interpolateLab, piecewise } from "d3-interpolate";
import { interpolateRdBu } from "d3-scale-chromatic";

export type Theme = "light" | "dark";

export interface Scale {
  readonly minimum: number;
  readonly maximum: number;
  /** Colour of one value, as the four bytes of a canvas pixel. */
  colour(value: number): number;
}

// Red and blue stay apart for every common colour blindness. On a dark page zero has to be dark: white would glare.
const RAMPS: Record<Theme, (position: number) => string> = {
  light: interpolateRdBu,
  dark: piecewise(interpolateLab, [
    "#ffc9a8",
    "#e8623f",
    "#6d221c",
    "#1b1f27",
    "#14477c",
    "#3f95e0",
    "#c2e4ff",
  ]),
};

const STEPS = 256;
const NOT_A_NUMBER = 0xffff00ff;

const tables = new Map<Theme, Uint32Array>();

/** The colours from −1 to 1 in `2 × STEPS + 1` steps, packed as canvas pixels are in memory. */
function tableOf(theme: Theme): Uint32Array {
  const known = tables.get(theme);
  if (known) return known;
  const table = new Uint32Array(2 * STEPS + 1);
  for (let i = 0; i < table.length; i++) table[i] = pack(RAMPS[theme](i / (2 * STEPS)));
  tables.set(theme, table);
  return table;
}

function pack(colour: string): number {
  const [red = 0, green = 0, blue = 0] = colour.match(/\d+(\.\d+)?/g)?.map(Number) ?? [];
  return ((255 << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red)) >>> 0;
}

/** The scale of a layer: symmetric about zero, as far as its largest absolute value. */
export function scaleOf(minimum: number, maximum: number, theme: Theme): Scale {
  const table = tableOf(theme);
  const extent = Math.max(Math.abs(minimum), Math.abs(maximum)) || 1;
  return {
    minimum,
    maximum,
    colour(value) {
      if (Number.isNaN(value)) return NOT_A_NUMBER;
      const position = Math.max(-1, Math.min(1, value / extent));
      return table[Math.round((position + 1) * STEPS)] ?? NOT_A_NUMBER;
    },
  };
}

/** Where the legend has numbers: both ends, and zero where it lies between and clear of them. */
export function ticksOf({ minimum, maximum }: Scale): { value: number; position: number }[] {
  const span = maximum - minimum;
  if (!(span > 0)) return [{ value: minimum, position: 0 }];
  const zero = -minimum / span;
  const ticks = [{ value: minimum, position: 0 }];
  if (zero > 0.2 && zero < 0.8) ticks.push({ value: 0, position: zero });
  ticks.push({ value: maximum, position: 1 });
  return ticks;
}

/** The same colour for CSS. */
export function cssColour(scale: Scale, value: number): string {
  const pixel = scale.colour(value);
  return `rgb(${pixel & 255} ${(pixel >> 8) & 255} ${(pixel >> 16) & 255})`;
}

/** Black or white, whichever can be read on a value's colour. */
export function inkOn(scale: Scale, value: number): string {
  const pixel = scale.colour(value);
  const channel = (shift: number): number => ((pixel >> shift) & 255) / 255;
  // Relative luminance as WCAG has it; 2.2 is close enough to the piecewise curve for a choice of two.
  const luminance = 0.2126 * channel(0) ** 2.2 + 0.7152 * channel(8) ** 2.2 + 0.0722 * channel(16) ** 2.2;
  return luminance > 0.18 ? "#000" : "#fff";
}
