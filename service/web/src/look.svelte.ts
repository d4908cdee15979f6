/** Turns one channel of one layer into all that its view shows: maps before and after, weights, a number, its trace. */
import type { Layer, Trace } from "./api/documents";
import type { Spot } from "./api/inspection";
import type { Colouring } from "./colouring";
import { Cursor, type Cell } from "./cursor.svelte";
import { formatFully, formatShort } from "./format";
import { mapOf, mapsOf, type Maps } from "./maps";
import type { Session } from "./session.svelte";
import { follow, readTrail, writeTrail } from "./trail";
import { withChoice } from "./view";
import type { LayerWeights } from "./weights.svelte";

/** What a layer reads, by name; `maps` is null until they are there. */
export interface Before {
  readonly name: string;
  readonly maps: Maps | null;
}

export class Look {
  readonly cursor: Cursor;
  maps: Maps | null = $derived.by(() => this.#mapsOf(this.layer.name));
  before: readonly Before[] = $derived.by(() =>
    this.layer.inputs.map((name) => ({ name, maps: this.#mapsOf(name) })),
  );
  /** The cell that is shown before any was chosen: where the map is largest. */
  #peak: Cell = $derived.by(() => (this.maps ? peakOf(this.maps, this.channel) : { y: 0, x: 0 }));

  constructor(
    readonly session: Session,
    readonly layer: Layer,
    readonly channel: number,
  ) {
    this.cursor = new Cursor(
      () => ({ height: this.maps?.height ?? 1, width: this.maps?.width ?? 1 }),
      () => cellOf(this.layer, this.session.view) ?? this.#peak,
      (cell) => this.#rest(cell),
    );
  }

  get colouring(): Colouring {
    return this.session.colouring;
  }

  get values(): Float32Array | null {
    return this.maps && mapOf(this.maps, this.channel);
  }

  /** What the runtime computed, in float32. */
  get value(): number | null {
    return this.values?.[this.cursor.index] ?? null;
  }

  get weights(): LayerWeights | null {
    return this.session.weights.of(this.layer.name);
  }

  get spot(): Spot {
    return spotOf(this.layer, this.channel, this.cursor.at);
  }

  /** Of the number that is looked at, once the service has told; null while it hasn't. */
  get trace(): Trace | null {
    return this.session.tracing.of(this.spot);
  }

  get isExact(): boolean {
    return this.session.choice("digits") === "all";
  }

  /** A number as it is written here: three digits, or all there are. */
  write(value: number): string {
    return this.isExact ? formatFully(value) : formatShort(value);
  }

  /** Goes to a number that this one was made from. */
  walk(layer: string, channel: number, cell: Cell | null): void {
    const { session } = this;
    const found = session.layers?.layers.find(({ name }) => name === layer);
    const next = found
      ? spotOf(found, channel, cell ?? { y: 0, x: 0 })
      : { layer, channel, ...(cell ?? { y: 0, x: 0 }) };
    const trail = writeTrail(follow(readTrail(session.choice("walk")), this.spot, next));
    session.go({ ...next, choices: withChoice(session.view, "walk", trail).choices });
  }

  #mapsOf(name: string): Maps | null {
    const tensor = this.session.reading.tensors.get(name);
    return tensor ? mapsOf(tensor) : null;
  }

  /** Another cell of the map wasn't reached by walking: the trail ends. */
  #rest(cell: Cell): void {
    const { y, x } = spotOf(this.layer, this.channel, cell);
    const { choices } = withChoice(this.session.view, "walk", null);
    this.session.show({ y, x, choices });
  }
}

/** In the service's terms: a layer of one dimension has no rows, one of two has no columns. */
export function spotOf(layer: Layer, channel: number, { y, x }: Cell): Spot {
  const dimensions = layer.output_shape.length;
  return {
    ...{ layer: layer.name, channel },
    y: dimensions > 2 ? y : dimensions === 2 ? x : null,
    x: dimensions > 2 ? x : null,
  };
}

/** The cell of the drawing; null where none was chosen. */
function cellOf(layer: Layer, { y, x }: { y: number | null; x: number | null }): Cell | null {
  if (y === null) return null;
  return layer.output_shape.length === 2 ? { y: 0, x: y } : { y, x: x ?? 0 };
}

function peakOf(maps: Maps, channel: number): Cell {
  const values = mapOf(maps, channel);
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
  return { y: Math.floor(best / maps.width), x: best % maps.width };
}
