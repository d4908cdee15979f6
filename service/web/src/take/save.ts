/** Turns bytes into a file of the person's, and an SVG into a PNG. */

const MINUTE = 60_000;

export function save(bytes: Blob, file: string): void {
  const url = URL.createObjectURL(bytes);
  const link = document.createElement("a");
  link.href = url;
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), MINUTE);
}

/** Longer side in pixels: browsers make no larger canvas everywhere. */
const LONGEST = 8192;

/** As sharp as on a screen with two pixels for each. */
export async function rasterise(svg: Blob): Promise<Blob> {
  const url = URL.createObjectURL(svg);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const scale = Math.min(2, LONGEST / Math.max(image.naturalWidth, image.naturalHeight));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(image.naturalWidth * scale);
    canvas.height = Math.round(image.naturalHeight * scale);
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    const png = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
    if (!png) throw new Error("This browser makes no PNG of it; take the SVG.");
    return png;
  } finally {
    URL.revokeObjectURL(url);
  }
}
