/** Turns steps and the size of a picture into sizes after each step, with the formula, and windows behind a number. */
import type { Kernel, Step } from "./steps";

/** How a step slides over one dimension. */
export interface Slide {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Cells of 0 before the first and after the last. */
  readonly before: number;
  readonly after: number;
}

const STILL: Slide = { kernel: 1, stride: 1, dilation: 1, before: 0, after: 0 };

/** Down and across; a step that isn't a window looks at one cell. */
export function slidesOf(step: Step, numbers: Kernel | null): [Slide, Slide] {
  switch (step.kind) {
    case "conv": {
      const { stride, dilation, padding } = step;
      const slide = (kernel: number): Slide => {
        const span = (kernel - 1) * dilation;
        const before = padding === "same" ? Math.floor(span / 2) : padding;
        return { kernel, stride, dilation, before, after: padding === "same" ? span - before : padding };
      };
      return [slide(numbers?.length ?? 1), slide(numbers?.[0]?.length ?? 1)];
    }
    case "max_pool":
    case "average_pool": {
      const { size, padding } = step;
      const slide = { ...STILL, kernel: size, stride: step.stride ?? size, before: padding, after: padding };
      return [slide, slide];
    }
  }
  return [STILL, STILL];
}

/** How many places the window has; 0 where it doesn't fit. */
export function sizeAfter(size: number, { kernel, stride, dilation, before, after }: Slide): number {
  const room = size + before + after - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : Math.floor(room / stride) + 1;
}

/** `⌊(28 + 2·1 − 3) / 2⌋ + 1 = 14`: in how many places the window fits. A dilated one reaches further than its cells. */
export function formulaOf(size: number, slide: Slide): string {
  const { kernel, stride, dilation, before, after } = slide;
  const padding = before === after ? (before ? ` + 2·${before}` : "") : ` + ${before} + ${after}`;
  const reach = dilation === 1 ? `${kernel}` : `(${dilation}·(${kernel} − 1) + 1)`;
  const room = `${size}${padding} − ${reach}`;
  const slid = stride === 1 ? room : `⌊(${room}) / ${stride}⌋`;
  return `${slid} + 1 = ${sizeAfter(size, slide)}`;
}

/** Rows or columns from the first to the one after the last. */
export interface Range {
  readonly first: number;
  readonly end: number;
}

/** The cells of its input that a range of a step's output was made from; it may reach into the padding. */
export function before(range: Range, { kernel, stride, dilation, before: padding }: Slide): Range {
  return {
    first: range.first * stride - padding,
    end: (range.end - 1) * stride - padding + dilation * (kernel - 1) + 1,
  };
}

/** The same as cells of the picture, back through all steps. */
export function rangesBack(range: Range, slides: readonly Slide[]): Range[] {
  const ranges = [range];
  for (const slide of slides.toReversed()) ranges.unshift(before(ranges[0] ?? range, slide));
  return ranges;
}
