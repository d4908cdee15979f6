/** Turns the pointer over any drawing into one state: which number of which layer is being looked at. */

export interface Pointed {
  readonly layer: string;
  readonly channel: number;
  readonly y: number;
  readonly x: number;
  /** Where the pointer is on the screen, for the preview to stay beside it. */
  readonly clientX: number;
  readonly clientY: number;
}

class PointedState {
  now = $state.raw<Pointed | null>(null);

  clear(): void {
    this.now = null;
  }
}

export const pointed = new PointedState();

/** Which cell of a drawing of `rows × columns` cells lies under the pointer. */
export function cellUnder(event: MouseEvent, rows: number, columns: number): { y: number; x: number } {
  const box = (event.currentTarget as Element).getBoundingClientRect();
  const index = (offset: number, length: number, count: number): number =>
    Math.max(0, Math.min(count - 1, Math.floor((offset / length) * count)));
  return {
    y: index(event.clientY - box.top, box.height, rows),
    x: index(event.clientX - box.left, box.width, columns),
  };
}
