/** Turns colours, pictures and charts of the page into what an SVG file can hold. */

/** Attributes with their quotes; numbers in hundredths of a pixel. */
export function attributes(named: Readonly<Record<string, string | number>>): string {
  return Object.entries(named)
    .map(
      ([name, value]) =>
        `${name}="${typeof value === "number" ? Math.round(value * 100) / 100 : escaped(value)}"`,
    )
    .join(" ");
}

export function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** A computed colour as every program reads it; `none` where there is nothing to see. */
export function colourOf(computed: string): string {
  const mixed = /^color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)(?: \/ ([\d.e-]+))?\)$/.exec(computed);
  if (mixed) {
    const [, red, green, blue, alpha] = mixed;
    const bytes = [red, green, blue].map((part) => Math.round(Number(part) * 255));
    return alpha === "0" ? "none" : `rgba(${bytes.join(",")},${alpha ?? 1})`;
  }
  return computed === "transparent" || /^rgba\(.*, 0\)$/.test(computed) ? "none" : computed;
}

/** The picture itself, as a data URL; nothing where it has none or comes from elsewhere. */
export function dataOf(element: HTMLCanvasElement | HTMLImageElement): string | null {
  try {
    if (element instanceof HTMLCanvasElement) return element.toDataURL();
    const canvas = document.createElement("canvas");
    canvas.width = element.naturalWidth;
    canvas.height = element.naturalHeight;
    if (!canvas.width || !canvas.height) return null;
    canvas.getContext("2d")?.drawImage(element, 0, 0);
    return canvas.toDataURL();
  } catch {
    return null;
  }
}

/** What a style sheet says of a chart's parts has to be said on the parts themselves. */
const LOOKS = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-opacity",
  "stroke-dasharray",
  "stroke-linecap",
  "stroke-linejoin",
  "opacity",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
  "dominant-baseline",
  "visibility",
  "display",
];

export function copyDrawing(
  svg: SVGSVGElement,
  place: Readonly<Record<"x" | "y" | "width" | "height", number>>,
): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const originals = [svg, ...svg.querySelectorAll("*")];
  const copies = [copy, ...copy.querySelectorAll("*")];
  originals.forEach((original, i) => {
    const target = copies[i];
    if (!target) return;
    const style = getComputedStyle(original);
    for (const look of LOOKS) {
      const value = style.getPropertyValue(look);
      target.setAttribute(look, look === "fill" || look === "stroke" ? colourOf(value) : value);
    }
    for (const name of ["class", "style", "tabindex", "role"]) target.removeAttribute(name);
  });
  for (const [name, value] of Object.entries(place)) copy.setAttribute(name, String(value));
  copy.removeAttribute("display");
  return new XMLSerializer().serializeToString(copy);
}
