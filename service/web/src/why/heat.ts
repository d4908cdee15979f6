/** Turns a map of what decided and the picture that it lies on into the pixels of one canvas. */
import type { Tensor } from "../safetensors";
import type { Scale, Theme } from "../scale";

/** Weights of red, green and blue in brightness. Source: ITU-R BT.601. */
const BRIGHTNESS = [0.299, 0.587, 0.114];

/** From black to white: the picture pales, so that the map's darkest and brightest colours stand out from it. */
const PALE: Record<Theme, readonly [number, number]> = { light: [135, 240], dark: [0, 105] };

const STRENGTH = 0.7;

/** Where the map says nothing the picture is seen; where it says most, the map, as opaque as was chosen. */
export function blend(
  picture: Tensor,
  heat: Float32Array,
  scale: Scale,
  opacity: number,
  theme: Theme,
): Uint8ClampedArray<ArrayBuffer> {
  const blended = new Uint8ClampedArray(heat.length * 4);
  const extent = Math.max(Math.abs(scale.minimum), Math.abs(scale.maximum)) || 1;
  const weights = picture.shape[0] === 3 ? BRIGHTNESS : [1];
  const [black, white] = PALE[theme];
  for (let pixel = 0; pixel < heat.length; pixel++) {
    const value = heat[pixel] ?? 0;
    const at = pixel * 4;
    const bright = weights.reduce(
      (sum, weight, channel) => sum + weight * (picture.values[channel * heat.length + pixel] ?? 0),
      0,
    );
    const pale = black + (white - black) * (bright / 255);
    // Most maps have a few strong places: weaker ones are more opaque than in proportion, so that they are seen too.
    const share = opacity * Math.min(1, Math.abs(value) / extent) ** STRENGTH;
    const colour = scale.colour(value);
    for (let channel = 0; channel < 3; channel++)
      blended[at + channel] = pale + share * (((colour >>> (8 * channel)) & 255) - pale);
    blended[at + 3] = 255;
  }
  return blended;
}
