/** Turns many terms of a sum into the few that are largest, and what the others come to. */
export interface Strongest {
  /** Positions among the terms, the largest first, sign aside. */
  readonly first: readonly number[];
  /** How many are not among them, and their sum. */
  readonly restCount: number;
  readonly restSum: number;
}

export function strongestOf(terms: readonly number[], most: number): Strongest {
  const order = Array.from(terms.keys()).sort(
    (a, b) => Math.abs(terms[b] ?? 0) - Math.abs(terms[a] ?? 0) || a - b,
  );
  const rest = order.slice(most);
  return {
    first: order.slice(0, most),
    restCount: rest.length,
    restSum: rest.reduce((sum, index) => sum + (terms[index] ?? 0), 0),
  };
}
