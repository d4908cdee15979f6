/** Turns a part of the page into an SVG that needs nothing beside it: its boxes, texts and pictures, where they are. */
import { attributes, colourOf, copyDrawing, dataOf, escaped } from "./marks";
import { linesOf } from "./lines";

/** What is drawn later lies above: sticky headings, what floats. */
interface Sheet {
  readonly marks: string[];
  readonly above: string[];
}

export function drawElement(root: Element): string {
  // What floats over the window lies where it belongs; nothing is painted before it floats again.
  root.classList.add("drawn");
  try {
    return new Drawing(root).svg();
  } finally {
    root.classList.remove("drawn");
  }
}

/** Pixels around it. */
const MARGIN = 16;

class Drawing {
  readonly #origin: DOMRect;
  readonly #definitions: string[] = [];

  constructor(private readonly root: Element) {
    const { left, top, width, height } = root.getBoundingClientRect();
    this.#origin = new DOMRect(left - MARGIN, top - MARGIN, width + 2 * MARGIN, height + 2 * MARGIN);
  }

  svg(): string {
    const { width, height } = this.#origin;
    const sheet: Sheet = { marks: [], above: [] };
    this.#walk(this.root, sheet);
    const size = { width: Math.ceil(width), height: Math.ceil(height) };
    const page = attributes({ ...size, fill: colourOf(getComputedStyle(document.body).backgroundColor) });
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" ${attributes({ ...size, viewBox: `0 0 ${size.width} ${size.height}` })}>`,
      `<defs>${this.#definitions.join("")}</defs><rect ${page}/>`,
      ...sheet.marks,
      ...sheet.above,
      "</svg>",
    ].join("\n");
  }

  #walk(element: Element, sheet: Sheet): void {
    const style = getComputedStyle(element);
    // What a closed list of details holds has a place and isn't there.
    if (!element.checkVisibility() || style.visibility === "hidden" || style.opacity === "0") return;
    const isAbove = style.position !== "static" && Number(style.zIndex) > 0;
    const own: Sheet = { marks: [], above: [] };
    this.#box(element, style, own.marks);
    const inside: Sheet = { marks: [], above: [] };
    if (!this.#replaced(element, style, inside.marks)) this.#children(element, style, inside);
    own.marks.push(...this.#clipped(element, style, inside));
    const faded = Number(style.opacity) < 1;
    const marks = faded ? [`<g opacity="${style.opacity}">`, ...own.marks, "</g>"] : own.marks;
    (isAbove ? sheet.above : sheet.marks).push(...marks);
    if (!this.#clips(style)) sheet.above.push(...inside.above);
  }

  #clips(style: CSSStyleDeclaration): boolean {
    return style.overflowX !== "visible" || style.overflowY !== "visible";
  }

  /** What lies in a box that cuts off; elsewhere what lies above goes further up. */
  #clipped(element: Element, style: CSSStyleDeclaration, inside: Sheet): string[] {
    if (!this.#clips(style)) return inside.marks;
    const all = [...inside.marks, ...inside.above];
    if (all.length === 0) return [];
    const id = `clip${this.#definitions.length}`;
    this.#definitions.push(`<clipPath id="${id}"><rect ${attributes(this.#place(element))}/></clipPath>`);
    return [`<g clip-path="url(#${id})">`, ...all, "</g>"];
  }

  #place(element: Element): Record<"x" | "y" | "width" | "height", number> {
    const { left, top, width, height } = element.getBoundingClientRect();
    return { x: left - this.#origin.left, y: top - this.#origin.top, width, height };
  }

  /** Background, border and outline. */
  #box(element: Element, style: CSSStyleDeclaration, marks: string[]): void {
    const place = this.#place(element);
    const fill = colourOf(style.backgroundColor);
    const radius = style.borderTopLeftRadius.endsWith("%")
      ? (Math.min(place.width, place.height) * parseFloat(style.borderTopLeftRadius)) / 100
      : parseFloat(style.borderTopLeftRadius) || 0;
    if (fill !== "none" && place.width && place.height)
      marks.push(`<rect ${attributes({ ...place, rx: radius, fill })}/>`);
    const sides = ["Top", "Right", "Bottom", "Left"] as const;
    const widths = sides.map((side) =>
      style[`border${side}Style`] === "none" ? 0 : parseFloat(style[`border${side}Width`]),
    );
    const [width = 0] = widths;
    const colours = sides.map((side) => colourOf(style[`border${side}Color`]));
    if (widths.every((each) => each === width) && colours.every((each) => each === colours[0]))
      this.#frame(place, -width / 2, width, colours[0] ?? "none", radius, marks);
    else
      sides.forEach((_, side) => this.#edge(place, side, widths[side] ?? 0, colours[side] ?? "none", marks));
    if (style.outlineStyle === "solid") {
      const thick = parseFloat(style.outlineWidth);
      const away = parseFloat(style.outlineOffset) + thick / 2;
      this.#frame(place, away, thick, colourOf(style.outlineColor), radius, marks);
    }
  }

  #frame(
    { x, y, width, height }: Record<"x" | "y" | "width" | "height", number>,
    away: number,
    thick: number,
    stroke: string,
    rx: number,
    marks: string[],
  ): void {
    if (!thick || stroke === "none" || width + 2 * away <= 0 || height + 2 * away <= 0) return;
    const place = { x: x - away, y: y - away, width: width + 2 * away, height: height + 2 * away };
    marks.push(`<rect ${attributes({ ...place, rx, fill: "none", stroke, "stroke-width": thick })}/>`);
  }

  #edge(
    { x, y, width, height }: Record<"x" | "y" | "width" | "height", number>,
    side: number,
    thick: number,
    fill: string,
    marks: string[],
  ): void {
    if (!thick || fill === "none") return;
    const place =
      side % 2
        ? { x: side === 1 ? x + width - thick : x, y, width: thick, height }
        : { x, y: side === 2 ? y + height - thick : y, width, height: thick };
    marks.push(`<rect ${attributes({ ...place, fill })}/>`);
  }

  /** What isn't drawn by its children: pictures, charts, fields. */
  #replaced(element: Element, style: CSSStyleDeclaration, marks: string[]): boolean {
    const place = this.#place(element);
    if (element instanceof SVGSVGElement) {
      marks.push(copyDrawing(element, place));
      return true;
    }
    if (element instanceof HTMLCanvasElement || element instanceof HTMLImageElement) {
      const href = dataOf(element);
      const fits = { contain: "xMidYMid meet", cover: "xMidYMid slice" }[style.objectFit] ?? "none";
      const rendering = style.imageRendering === "pixelated" ? "image-rendering:pixelated" : "";
      if (href)
        marks.push(`<image ${attributes({ ...place, href, preserveAspectRatio: fits, style: rendering })}/>`);
      return true;
    }
    const value = valueOf(element);
    if (value === null) return false;
    const size = parseFloat(style.fontSize);
    const isCentred = style.textAlign === "center";
    const at = {
      x: place.x + (isCentred ? place.width / 2 : parseFloat(style.paddingLeft) + 1),
      y: place.y + place.height / 2 + size * 0.35,
    };
    marks.push(this.#text(value, style, { ...at, "text-anchor": isCentred ? "middle" : "start" }));
    return true;
  }

  #children(element: Element, style: CSSStyleDeclaration, sheet: Sheet): void {
    for (const node of element.childNodes) {
      if (node instanceof Element) this.#walk(node, sheet);
      else if (node instanceof Text) {
        for (const { text, left, baseline, width } of linesOf(node, style)) {
          const place = { x: left - this.#origin.left, y: baseline - this.#origin.top };
          sheet.marks.push(
            this.#text(text, style, { ...place, textLength: width, lengthAdjust: "spacingAndGlyphs" }),
          );
        }
      }
    }
  }

  #text(text: string, style: CSSStyleDeclaration, place: Record<string, string | number>): string {
    const look = {
      fill: colourOf(style.color),
      "font-family": style.fontFamily,
      "font-size": style.fontSize,
      "font-weight": style.fontWeight,
    };
    return `<text ${attributes({ ...place, ...look })}>${escaped(text)}</text>`;
  }
}

/** What a field shows; null: it is no field. */
function valueOf(element: Element): string | null {
  if (element instanceof HTMLSelectElement) return element.selectedOptions[0]?.textContent ?? "";
  if (!(element instanceof HTMLInputElement)) return null;
  if (element.type === "checkbox") return element.checked ? "☑" : "☐";
  return element.type === "range" ? "" : element.value;
}
