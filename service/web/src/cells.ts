/** Turns many equal cells in a scrolled grid into those that are in sight: 2,048 maps cost what 30 cost. */

export interface Sight {
  readonly columns: number;
  /** Of the whole grid. */
  readonly height: number;
  /** Of the cells in sight and a screen's height around them, the first and the one behind the last. */
  readonly begin: number;
  readonly end: number;
}

export function sightOf(
  count: number,
  cell: { readonly width: number; readonly height: number },
  view: { readonly width: number; readonly height: number; readonly top: number },
): Sight {
  const columns = Math.max(1, Math.floor(view.width / cell.width));
  const rows = Math.ceil(count / columns);
  const first = Math.max(0, Math.floor((view.top - view.height) / cell.height));
  const last = Math.min(rows, Math.ceil((view.top + 2 * view.height) / cell.height));
  return {
    columns,
    height: rows * cell.height,
    begin: Math.min(count, first * columns),
    end: Math.min(count, last * columns),
  };
}
