/** Turns the encoded pixels that a network saw back into numbers. */

export interface Pixels {
  readonly height: number;
  readonly width: number;
  /** Red, green, blue and 255 of each pixel, row by row. */
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

export async function readPixels(picture: Blob): Promise<Pixels> {
  // Any conversion between colour spaces would change what the network saw.
  const bitmap = await createImageBitmap(picture, {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  const { height, width } = bitmap;
  const canvas = document.createElement("canvas");
  canvas.height = height;
  canvas.width = width;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context?.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { height, width, rgba: context?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray() };
}

/** What a network of so many channels takes: one number for each pixel, or its three colours. */
export function channelsOf({ rgba }: Pixels, channels: number): Uint8Array {
  const values = new Uint8Array((rgba.length / 4) * channels);
  for (let pixel = 0; pixel < rgba.length / 4; pixel++)
    for (let channel = 0; channel < channels; channel++)
      values[pixel * channels + channel] = rgba[pixel * 4 + channel] ?? 0;
  return values;
}

/** The colours of such numbers. */
export function coloursOf(values: Uint8Array, channels: number): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray((values.length / channels) * 4).fill(255);
  for (let pixel = 0; pixel < rgba.length / 4; pixel++)
    for (let colour = 0; colour < 3; colour++)
      rgba[pixel * 4 + colour] = values[pixel * channels + Math.min(colour, channels - 1)] ?? 0;
  return rgba;
}
