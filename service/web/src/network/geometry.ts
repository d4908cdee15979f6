/** Turns boxes in columns and lanes into places on the drawing, in CSS pixels. */
import type { Box, Graph } from "./graph";

/** How large things are drawn at one zoom. */
export interface Measure {
  /** Side of a map. */
  readonly cell: number;
  /** Between two maps, and the empty room between two columns, in which edges run. */
  readonly gap: number;
  readonly gutter: number;
  /** Width of a column: a map, or a name that can be read. */
  readonly width: number;
  /** Height of a column's head, with the name, the kind and the shape. */
  readonly head: number;
  /** Height of a column's foot: how many more there are. */
  readonly foot: number;
  /** Maps of one column that are drawn. */
  readonly rows: number;
  /** Above everything, for the edges that pass over other columns. */
  readonly margin: number;
}

export const ZOOMS = [28, 40, 56, 80] as const;

const MOST_HEIGHT = 520;

export function measureOf(zoom: number, lanes: number): Measure {
  const cell = ZOOMS[zoom] ?? ZOOMS[1];
  const gap = 6;
  const [head, foot] = [58, 26];
  const room = MOST_HEIGHT / Math.max(1, lanes) - head - foot;
  const rows = Math.max(2, Math.min(12, Math.floor(room / (cell + gap))));
  return {
    cell,
    gap,
    gutter: Math.max(34, cell * 0.8),
    width: Math.max(96, cell),
    head,
    foot,
    rows,
    margin: 34,
  };
}

export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function areaOf(box: Box, measure: Measure): Area {
  const height = laneHeight(measure);
  return {
    x: measure.gutter / 2 + box.column * (measure.width + measure.gutter),
    y: measure.margin + box.lane * height,
    width: measure.width,
    height: height - measure.gap,
  };
}

const laneHeight = ({ head, foot, rows, cell, gap }: Measure): number =>
  head + foot + rows * (cell + gap) + gap;

export function sizeOf(graph: Graph, measure: Measure): { width: number; height: number } {
  return {
    width: graph.columns * (measure.width + measure.gutter),
    height: measure.margin + graph.lanes * laneHeight(measure),
  };
}

/** The vertical middle of the map in a row of a box. */
export function rowMiddle(area: Area, row: number, measure: Measure): number {
  return area.y + measure.head + row * (measure.cell + measure.gap) + measure.cell / 2;
}

/** The columns that are on the screen or a screen's width beside it. */
export function inSight(graph: Graph, measure: Measure, left: number, width: number): Set<number> {
  const boxes = graph.boxes.map((box, index) => ({ area: areaOf(box, measure), index }));
  return new Set(
    boxes
      .filter(({ area }) => area.x + area.width > left - width && area.x < left + 2 * width)
      .map(({ index }) => index),
  );
}

/** A line from one column's right side to another's left; over the columns between them, where there are any. */
export function edgePath(from: Area, to: Area, steps: number, measure: Measure): string {
  const [x0, y0] = [from.x + from.width, from.y + measure.head / 2];
  const [x1, y1] = [to.x, to.y + measure.head / 2];
  if (steps <= 1 || from.y !== to.y) return curve(x0, y0, x1, y1);
  const top = from.y - 6 - Math.min(measure.margin - 12, 4 * steps);
  const bend = measure.gutter / 2;
  return `M${x0} ${y0}C${x0 + bend} ${y0} ${x0} ${top} ${x0 + bend} ${top}L${x1 - bend} ${top}C${x1} ${top} ${x1 - bend} ${y1} ${x1} ${y1}`;
}

/** A smooth line that leaves and arrives level. */
export function curve(x0: number, y0: number, x1: number, y1: number): string {
  const middle = (x0 + x1) / 2;
  return `M${x0} ${y0}C${middle} ${y0} ${middle} ${y1} ${x1} ${y1}`;
}
