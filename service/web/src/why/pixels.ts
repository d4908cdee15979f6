/** Turns the numbers that a network saw into the bytes that it takes, and such bytes into colours. */
import type { Tensor } from "../safetensors";

/** Row by row, all channels of a pixel side by side: the way round that a network takes them. */
export function bytesOf({ shape, values }: Tensor): Uint8Array {
  const channels = shape[0] ?? 1;
  const size = values.length / channels;
  const bytes = new Uint8Array(values.length);
  for (let channel = 0; channel < channels; channel++)
    for (let pixel = 0; pixel < size; pixel++)
      bytes[pixel * channels + channel] = values[channel * size + pixel] ?? 0;
  return bytes;
}

/** Red, green, blue and 255 of each pixel of such bytes. */
export function coloursOf(bytes: Uint8Array, channels: number): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray((bytes.length / channels) * 4).fill(255);
  for (let pixel = 0; pixel < rgba.length / 4; pixel++)
    for (let colour = 0; colour < 3; colour++)
      rgba[pixel * 4 + colour] = bytes[pixel * channels + Math.min(colour, channels - 1)] ?? 0;
  return rgba;
}
