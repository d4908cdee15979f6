/** Turns layers and the blocks that are folded into boxes with a column and a lane each, and the edges between them. */
import type { Layer } from "../api/documents";
import type { Block } from "./blocks";

/** What is drawn as one: a layer, or a folded block, of which the last layer's maps are shown. */
export interface Box {
  readonly name: string;
  /** The layer whose values the box shows. */
  readonly layer: Layer;
  readonly block: Block | null;
  readonly isFolded: boolean;
  /** Steps from the picture, along the longest way. */
  readonly column: number;
  /** Ways side by side are below one another; 0 is the main one. */
  readonly lane: number;
}

export interface Edge {
  readonly from: number;
  readonly to: number;
}

export interface Graph {
  readonly boxes: readonly Box[];
  /** Between positions in `boxes`. */
  readonly edges: readonly Edge[];
  readonly columns: number;
  readonly lanes: number;
  /** By layer name: the box that it is in. */
  readonly boxOf: ReadonlyMap<string, number>;
}

interface Group {
  layers: Layer[];
  block: Block | null;
  isFolded: boolean;
}

/** The graph of a network, `folded` being the names of blocks that are drawn as one box. */
export function graphOf(
  layers: readonly Layer[],
  blocks: readonly Block[],
  folded: ReadonlySet<string>,
): Graph {
  const groups = groupsOf(layers, blocks, folded);
  const boxOf = new Map(
    groups.flatMap((group, index) => group.layers.map(({ name }) => [name, index] as const)),
  );
  const edges = edgesOf(groups, boxOf);
  const columns = columnsOf(groups.length, edges);
  const lanes = lanesOf(columns, edges);
  return {
    boxes: groups.map(({ layers, block, isFolded }, index) => {
      const layer = layers.at(-1) as Layer;
      return {
        name: isFolded && block ? block.name : layer.name,
        ...{ layer, block, isFolded },
        ...{ column: columns[index] ?? 0, lane: lanes[index] ?? 0 },
      };
    }),
    edges,
    columns: Math.max(0, ...columns) + 1,
    lanes: Math.max(0, ...lanes) + 1,
    boxOf,
  };
}

function groupsOf(layers: readonly Layer[], blocks: readonly Block[], folded: ReadonlySet<string>): Group[] {
  const groups: Group[] = [];
  for (let index = 0; index < layers.length;) {
    const block = blocks.find(({ begin, end }) => begin <= index && index < end) ?? null;
    const isFolded = block !== null && folded.has(block.name);
    const end = isFolded ? block.end : index + 1;
    groups.push({ layers: layers.slice(index, end), block, isFolded });
    index = end;
  }
  return groups;
}

function edgesOf(groups: readonly Group[], boxOf: ReadonlyMap<string, number>): Edge[] {
  return groups.flatMap((group, to) => {
    const from = group.layers.flatMap(({ inputs }) => inputs).map((name) => boxOf.get(name));
    const others = from.filter((index): index is number => index !== undefined && index !== to);
    return [...new Set(others)].map((index) => ({ from: index, to }));
  });
}

/** Boxes are in the order of computation, so that each comes after all that it reads. */
function columnsOf(count: number, edges: readonly Edge[]): number[] {
  const columns = Array<number>(count).fill(0);
  for (const { from, to } of edges) columns[to] = Math.max(columns[to] ?? 0, (columns[from] ?? 0) + 1);
  return columns;
}

/** A box stays in the lane of what it reads where that is free in its column, the longest way in the first. */
function lanesOf(columns: readonly number[], edges: readonly Edge[]): number[] {
  const lanes: number[] = [];
  const taken = new Set<string>();
  columns.forEach((column, box) => {
    const wanted = edges
      .filter(({ to }) => to === box)
      // What lies nearest is what the box goes on from; where ways meet, the uppermost goes on.
      .sort(
        (a, b) =>
          (columns[b.from] ?? 0) - (columns[a.from] ?? 0) || (lanes[a.from] ?? 0) - (lanes[b.from] ?? 0),
      )
      .map(({ from }) => lanes[from] ?? 0);
    let lane = wanted.length > 1 ? Math.min(...wanted) : (wanted[0] ?? 0);
    while (taken.has(`${column} ${lane}`)) lane += 1;
    taken.add(`${column} ${lane}`);
    lanes[box] = lane;
  });
  return lanes;
}
