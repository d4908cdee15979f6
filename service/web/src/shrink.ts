/** Turns a large picture into one that a page can show number by number; a small one stays as it is. */

export interface Shrunk {
  readonly bytes: Blob;
  /** Whether it was made smaller. */
  readonly isShrunk: boolean;
}

export async function shrink(bytes: Blob, longest: number): Promise<Shrunk> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(bytes);
  } catch {
    // The service knows formats that a browser doesn't.
    return { bytes, isShrunk: false };
  }
  const factor = longest / Math.max(bitmap.width, bitmap.height);
  if (factor >= 1) {
    bitmap.close();
    return { bytes, isShrunk: false };
  }
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * factor));
  canvas.height = Math.max(1, Math.round(bitmap.height * factor));
  const context = canvas.getContext("2d");
  if (context) context.imageSmoothingQuality = "high";
  context?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const png = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  return png ? { bytes: png, isShrunk: true } : { bytes, isShrunk: false };
}
