/** Turns a place in an output and the geometry of a sliding window into the window's rows and columns of the input. */
import type { Layer } from "../api/documents";
import { numbersOf } from "../network/layers";

/** How a window slides along one axis. */
export interface Axis {
  /** Cells of the window. */
  readonly extent: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding before the input, and behind it. */
  readonly begin: number;
  readonly end: number;
  /** Of the input. */
  readonly size: number;
}

export interface Sliding {
  readonly rows: Axis;
  readonly columns: Axis;
}

/** Along one axis, the input's place under each cell of the window; null beyond the input. */
export type Span = readonly (number | null)[];

/** The first cell of the window at an output's place; negative where it lies in the padding. */
export const firstOf = (axis: Axis, at: number): number => at * axis.stride - axis.begin;

export function spanOf(axis: Axis, at: number): Span {
  const first = firstOf(axis, at);
  return Array.from({ length: axis.extent }, (_, cell) => {
    const place = first + cell * axis.dilation;
    return place >= 0 && place < axis.size ? place : null;
  });
}

/** First and last place within the input that a window touches; null where it is beyond it all over. */
export function boundsOf(span: Span): readonly [number, number] | null {
  const inside = span.filter((place) => place !== null);
  return inside.length ? [Math.min(...inside), Math.max(...inside)] : null;
}

/** How a layer's window slides over maps of this size; null where the layer has none, or not one of two axes. */
export function slidingOf(layer: Layer, height: number, width: number): Sliding | null {
  const { attributes } = layer;
  const [down, across, ...more] = numbersOf(attributes["kernel_shape"]);
  if (down === undefined || across === undefined || more.length) return null;
  const strides = numbersOf(attributes["strides"]);
  const dilations = numbersOf(attributes["dilations"]);
  const pads = numbersOf(attributes["pads"]);
  const axis = (place: 0 | 1, extent: number, size: number): Axis => ({
    ...{ extent, size },
    stride: strides[place] ?? 1,
    dilation: dilations[place] ?? 1,
    begin: pads[place] ?? 0,
    end: pads[place + 2] ?? 0,
  });
  return { rows: axis(0, down, height), columns: axis(1, across, width) };
}

/** A window that is the whole map. */
export function wholeOf(height: number, width: number): Sliding {
  const axis = (size: number): Axis => ({
    ...{ extent: size, size },
    ...{ stride: 1, dilation: 1, begin: 0, end: 0 },
  });
  return { rows: axis(height), columns: axis(width) };
}
