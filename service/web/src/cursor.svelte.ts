/** Turns keys, pointer and play into the one cell of a map that is looked at; the URL learns of it when it rests. */

export interface Cell {
  readonly y: number;
  readonly x: number;
}

export interface Size {
  readonly height: number;
  readonly width: number;
}

/** How long a cell has to stay before it is written down: browsers refuse URLs that change as fast as keys repeat. */
const RESTING_MILLISECONDS = 250;

export class Cursor {
  isPlaying = $state(false);
  /** Where it was moved to and isn't written down yet; where the pointer only passes. */
  #moved = $state.raw<Cell | null>(null);
  #glanced = $state.raw<Cell | null>(null);
  #resting: ReturnType<typeof setTimeout> | undefined;
  #frame = 0;

  constructor(
    private readonly size: () => Size,
    private readonly fixed: () => Cell,
    private readonly onrest: (cell: Cell) => void,
  ) {}

  get at(): Cell {
    return this.#within(this.#glanced ?? this.#moved ?? this.fixed());
  }

  /** The number of the cell, row by row. */
  get index(): number {
    return this.at.y * this.size().width + this.at.x;
  }

  get count(): number {
    return this.size().height * this.size().width;
  }

  moveTo(cell: Cell): void {
    this.#glanced = null;
    this.#moved = this.#within(cell);
    clearTimeout(this.#resting);
    if (!this.isPlaying) this.#resting = setTimeout(() => this.#rest(), RESTING_MILLISECONDS);
  }

  moveToIndex(index: number): void {
    const { width } = this.size();
    const kept = Math.max(0, Math.min(this.count - 1, index));
    this.moveTo({ y: Math.floor(kept / width), x: kept % width });
  }

  step(down: number, across: number): void {
    this.pause();
    const { y, x } = this.at;
    this.moveTo({ y: y + down, x: x + across });
  }

  /** What the pointer is over; null when it has gone. Nothing is looked at in passing while it plays. */
  glance(cell: Cell | null): void {
    if (!this.isPlaying) this.#glanced = cell;
  }

  /** Goes over the map row by row, from here or, at the end, from the beginning. */
  play(cellsPerSecond: () => number): void {
    this.#glanced = null;
    this.isPlaying = true;
    const start = this.index >= this.count - 1 ? 0 : this.index;
    this.moveToIndex(start);
    let progress = start;
    let before = performance.now();
    const frame = (now: number): void => {
      // Time alone decides how far it is: a slow machine skips cells, it doesn't lag behind.
      const pace = cellsPerSecond();
      const passed = Math.max(0, now - before) / 1000; // a frame's time may be a little before the call's
      progress = pace === Infinity ? this.count - 1 : Math.min(this.count - 1, progress + passed * pace);
      before = now;
      if (Math.floor(progress) !== this.index) this.moveToIndex(Math.floor(progress));
      if (progress >= this.count - 1) this.pause();
      else this.#frame = requestAnimationFrame(frame);
    };
    this.#frame = requestAnimationFrame(frame);
  }

  pause(): void {
    if (!this.isPlaying) return;
    cancelAnimationFrame(this.#frame);
    this.isPlaying = false;
    this.#rest();
  }

  /** Nobody looks any more. */
  stop(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#resting);
    this.isPlaying = false;
  }

  #rest(): void {
    if (!this.#moved) return;
    this.onrest(this.#moved);
    this.#moved = null;
  }

  #within({ y, x }: Cell): Cell {
    const { height, width } = this.size();
    return { y: Math.max(0, Math.min(height - 1, y)), x: Math.max(0, Math.min(width - 1, x)) };
  }
}
