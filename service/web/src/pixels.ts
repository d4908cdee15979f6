/** Turns the service's PNG of what the network sees into numbers from 0 to 255, channels first. */
import type { Tensor } from "./safetensors";

export async function pixelsOf(picture: Blob, channels: number): Promise<Tensor> {
  const bitmap = await createImageBitmap(picture, { colorSpaceConversion: "none" });
  const { height, width } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  if (!context) throw new Error("this browser doesn't give a canvas");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const size = height * width;
  const values = new Float32Array(channels * size);
  for (let channel = 0; channel < channels; channel++)
    for (let i = 0; i < size; i++) values[channel * size + i] = data[4 * i + channel] ?? 0;
  return { shape: [channels, height, width], values };
}
