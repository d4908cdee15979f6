/** Turns the layer table into what is drawn: single layers, and blocks of layers that can be folded into one. */
import type { Layer } from "../api/documents";

/** A block: consecutive layers that belong together, the last of which is what it hands on. */
export interface Block {
  readonly name: string;
  /** Positions in the layer table, the last one not included. */
  readonly begin: number;
  readonly end: number;
}

/** Fewer layers are no block: folding them would hide more than it tidies. */
const FEWEST = 2;

/** A network whose names are paths says itself what its blocks are; this share of its layers has to have one. */
const TELLING = 0.5;

/** Blocks in the order of computation, none within another: by the names, or else where paths part and meet again. */
export function blocksOf(layers: readonly Layer[]): Block[] {
  const named = byName(layers);
  const covered = named.reduce((sum, { begin, end }) => sum + end - begin, 0);
  return covered >= TELLING * layers.length ? named : byPaths(layers);
}

const prefixOf = (name: string): string => name.split(/[./]/).slice(0, -1).join(".").replace(/^\.+/, "");

/** Runs of layers with the same path: `stage1.block2.conv1`, `stage1.block2.relu1`. */
function byName(layers: readonly Layer[]): Block[] {
  const blocks: Block[] = [];
  for (let begin = 0; begin < layers.length;) {
    const prefix = prefixOf(layers[begin]?.name ?? "");
    let end = begin + 1;
    while (end < layers.length && belongs(prefixOf(layers[end]?.name ?? ""), prefix)) end += 1;
    if (prefix && end - begin >= FEWEST) blocks.push({ name: prefix, begin, end });
    begin = end;
  }
  return blocks;
}

/** `stage1.block2.skip` lies within `stage1.block2`. */
const belongs = (prefix: string, block: string): boolean =>
  block !== "" && (prefix === block || prefix.startsWith(`${block}.`));

/** Stretches between two layers that all paths lead through, where more than one path lies between them. */
function byPaths(layers: readonly Layer[]): Block[] {
  const blocks: Block[] = [];
  const furthest = furthestReaders(layers);
  for (let begin = 0; begin < layers.length;) {
    let reach = furthest[begin] ?? begin;
    for (let index = begin + 1; index < reach; index++) reach = Math.max(reach, furthest[index] ?? index);
    const last = Math.min(reach, layers.length - 1);
    if (last - begin > FEWEST) {
      blocks.push({ name: layers[last]?.name ?? "", begin: begin + 1, end: last + 1 });
      begin = last;
    } else begin += 1;
  }
  return blocks;
}

/** For each layer the position of the last one that reads it. */
function furthestReaders(layers: readonly Layer[]): number[] {
  const positions = new Map(layers.map(({ name }, index) => [name, index]));
  const furthest = layers.map((_, index) => index);
  layers.forEach(({ inputs }, reader) => {
    for (const input of inputs) {
      const position = positions.get(input);
      if (position !== undefined) furthest[position] = Math.max(furthest[position] ?? 0, reader);
    }
  });
  return furthest;
}
