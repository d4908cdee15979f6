/** Turns a dense layer's row of weights and its inputs into contributions, the largest first. */

export interface Contributions {
  /** weight × input, in the inputs' order. */
  readonly products: Float64Array;
  /** Numbers of the inputs, the largest product first, sign aside. */
  readonly order: readonly number[];
  readonly sum: number;
}

/** The weights that make one output: `matrix` has a row of them for each, of whatever shape. */
export function rowOf(
  matrix: { shape: readonly number[]; values: Float32Array },
  output: number,
): Float32Array {
  const columns = matrix.values.length / (matrix.shape[0] || 1);
  return matrix.values.subarray(output * columns, (output + 1) * columns);
}

export function contributionsOf(weights: Float32Array, inputs: Float32Array, scale = 1): Contributions {
  const products = new Float64Array(inputs.length);
  let sum = 0;
  for (let index = 0; index < products.length; index++) {
    const product = (weights[index] ?? 0) * scale * (inputs[index] ?? 0);
    products[index] = product;
    sum += product;
  }
  const size = (index: number): number => Math.abs(products[index] ?? 0);
  const order = Array.from(products.keys()).sort((a, b) => size(b) - size(a) || a - b);
  return { products, order, sum };
}

/** The place in a tensor of this shape that became number `index` when it was flattened. */
export function cellOf(index: number, shape: readonly number[]): { channel: number; y: number; x: number } {
  const width = shape[2] ?? 1;
  const area = (shape[1] ?? 1) * width || 1;
  const rest = index % area;
  return { channel: Math.floor(index / area), y: Math.floor(rest / width), x: rest % width };
}
