/** Turns values into the pixels of a canvas, one pixel each; CSS makes them as large as they should be. */
import type { Scale } from "./scale";

export function paintMap(
  canvas: HTMLCanvasElement,
  values: Float32Array,
  height: number,
  width: number,
  scale: Scale,
): void {
  const context = sized(canvas, height, width);
  if (!context) return;
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < values.length; i++) pixels[i] = scale.colour(values[i] ?? 0);
  context.putImageData(image, 0, 0);
}

/** The colours from the scale's minimum to its maximum, left to right. */
export function paintScale(canvas: HTMLCanvasElement, scale: Scale, steps = 128): void {
  const span = scale.maximum - scale.minimum;
  const values = Float32Array.from({ length: steps }, (_, i) => scale.minimum + (span * i) / (steps - 1));
  paintMap(canvas, values, 1, steps, scale);
}

/** Pixels that are colours already: four bytes each. */
export function paintColours(
  canvas: HTMLCanvasElement,
  rgba: Uint8ClampedArray<ArrayBuffer>,
  height: number,
  width: number,
): void {
  sized(canvas, height, width)?.putImageData(new ImageData(rgba, width, height), 0, 0);
}

/** A picture at its own size, or smaller where it is larger than anybody could see here. */
export function paintPicture(canvas: HTMLCanvasElement, bitmap: ImageBitmap, longest = 1024): void {
  const shrink = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * shrink));
  const height = Math.max(1, Math.round(bitmap.height * shrink));
  sized(canvas, height, width)?.drawImage(bitmap, 0, 0, width, height);
}

function sized(canvas: HTMLCanvasElement, height: number, width: number): CanvasRenderingContext2D | null {
  if (height === 0 || width === 0) return null;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  return canvas.getContext("2d");
}

/** A picture's own channels, from 0 to 1: one as greys, three as colours. */
export function paintChannels(
  canvas: HTMLCanvasElement,
  values: Float32Array,
  count: number,
  height: number,
  width: number,
): void {
  const context = sized(canvas, height, width);
  if (!context) return;
  const image = context.createImageData(width, height);
  const size = height * width;
  for (let i = 0; i < size; i++) {
    for (let channel = 0; channel < 3; channel++)
      image.data[4 * i + channel] = Math.round(255 * (values[Math.min(channel, count - 1) * size + i] ?? 0));
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** A small canvas as a PNG, at once: `toBlob` waits for the browser to be idle, up to 0.2 s while things move. */
export function encodePng(canvas: HTMLCanvasElement): Blob {
  const [, encoded = ""] = canvas.toDataURL("image/png").split(",");
  return new Blob([Uint8Array.from(atob(encoded), (byte) => byte.charCodeAt(0))], { type: "image/png" });
}
