/** Turns a text of the page into its lines, each with the place that it was laid out at. */

export interface Line {
  readonly text: string;
  /** In the window's coordinates. */
  readonly left: number;
  readonly baseline: number;
  readonly width: number;
}

const context = document.createElement("canvas").getContext("2d");

/** Words that lie at one height are one line. */
export function linesOf(node: Text, style: CSSStyleDeclaration): Line[] {
  const range = document.createRange();
  const lines: { words: string[]; left: number; right: number; top: number; height: number }[] = [];
  for (const word of node.data.matchAll(/\S+/g)) {
    range.setStart(node, word.index);
    range.setEnd(node, word.index + word[0].length);
    const [box] = range.getClientRects();
    if (!box || !box.width) continue;
    const line = lines.at(-1);
    if (line && Math.abs(line.top - box.top) < 1) {
      line.words.push(word[0]);
      line.right = box.right;
    } else
      lines.push({ words: [word[0]], left: box.left, right: box.right, top: box.top, height: box.height });
  }
  const { ascent, descent } = measure(style.font);
  return lines.map(({ words, left, right, top, height }) => ({
    text: words.join(" "),
    left,
    baseline: top + (height - ascent - descent) / 2 + ascent,
    width: right - left,
  }));
}

function measure(font: string): { ascent: number; descent: number } {
  if (!context) return { ascent: 0, descent: 0 };
  context.font = font;
  const { fontBoundingBoxAscent, fontBoundingBoxDescent } = context.measureText("x");
  return { ascent: fontBoundingBoxAscent, descent: fontBoundingBoxDescent };
}
