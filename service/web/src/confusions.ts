/** Turns the figures of a test into what a confusion matrix shows: shades, confused pairs, the pictures of a cell. */
import type { ReportPicture } from "./api/documents";

export type Matrix = readonly (readonly number[])[];

/** Up to so many labels a matrix can be read. */
export const LARGEST_MATRIX = 20;

/** True label, answered label. */
export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** How strong a cell's colour is, from 0 to 1: right ones by their share of the label, wrong ones beside the worst. */
export function shadeOf(matrix: Matrix, { row, column }: Cell): number {
  const count = matrix[row]?.[column] ?? 0;
  if (row === column) return count / ((matrix[row] ?? []).reduce((sum, each) => sum + each, 0) || 1);
  if (count === 0) return 0;
  const largest = Math.max(...matrix.flatMap((cells, i) => cells.filter((_, j) => i !== j)));
  return 0.2 + 0.6 * Math.sqrt(count / largest);
}

export interface Pair extends Cell {
  readonly pictures: number;
  /** Of the true label's pictures. */
  readonly share: number;
}

/** Labels that are taken for others, most often first. */
export function confusedPairs(matrix: Matrix, most: number): Pair[] {
  const pairs = matrix.flatMap((cells, row) => {
    const total = cells.reduce((sum, count) => sum + count, 0);
    return cells
      .map((pictures, column) => ({ row, column, pictures, share: pictures / (total || 1) }))
      .filter(({ column, pictures }) => column !== row && pictures > 0);
  });
  return pairs.sort((a, b) => b.pictures - a.pictures).slice(0, most);
}

export function picturesOf(
  pictures: readonly ReportPicture[],
  label: string,
  answered: string,
): ReportPicture[] {
  return pictures.filter((picture) => picture.label === label && picture.answered === answered);
}

export function mistakesOf(pictures: readonly ReportPicture[]): ReportPicture[] {
  return pictures.filter(({ label, answered }) => label !== answered);
}

/** `3.5` in the URL. */
export function cellOf(text: string | null, size: number): Cell | null {
  const match = /^(\d+)\.(\d+)$/.exec(text ?? "");
  const [row, column] = [Number(match?.[1]), Number(match?.[2])];
  return match && row < size && column < size ? { row, column } : null;
}

const MOVES: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** The cell that an arrow key leads to; null for other keys and at the edge. */
export function neighbour({ row, column }: Cell, key: string, size: number): Cell | null {
  const move = MOVES[key];
  if (!move) return null;
  const next = { row: row + move[0], column: column + move[1] };
  return Math.min(next.row, next.column) < 0 || Math.max(next.row, next.column) >= size ? null : next;
}
