/** Turns an activation layer into its curve: a function of one number. */
import type { Layer } from "../api/documents";
import type { LayerWeights } from "../weights.svelte";

export type Curve = (x: number) => number;

export const ACTIVATIONS = new Set<Layer["kind"]>([
  ...(["relu", "leaky_relu", "sigmoid", "tanh", "silu", "gelu", "hard_swish", "clip"] as const),
]);

/** null where what the layer does isn't told by its kind. Drawn, not reckoned with: the numbers are the runtime's. */
export function curveOf(layer: Layer, channel: number, weights: LayerWeights | null): Curve | null {
  const attribute = (name: string, otherwise: number): number => {
    const value = layer.attributes[name];
    return typeof value === "number" ? value : otherwise;
  };
  switch (layer.kind) {
    case "relu":
      return (x) => Math.max(0, x);
    case "leaky_relu": {
      const slopes = weights?.get("slope")?.values;
      const slope = slopes?.[slopes.length > 1 ? channel : 0] ?? attribute("alpha", 0.01);
      return (x) => (x >= 0 ? x : slope * x);
    }
    case "sigmoid":
      return sigmoid;
    case "tanh":
      return Math.tanh;
    case "silu":
      return (x) => x * sigmoid(x);
    case "gelu":
      return (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
    case "hard_swish":
      return (x) => x * Math.min(1, Math.max(0, x / 6 + 0.5));
    case "clip": {
      const [low, high] = [attribute("min", -Infinity), attribute("max", Infinity)];
      return (x) => Math.min(high, Math.max(low, x));
    }
    default:
      return null;
  }
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
