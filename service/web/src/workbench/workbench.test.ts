import { describe, expect, test } from "vitest";
import { moved, spotOf, textOfSpot } from "./spot";
import { arithmeticOf } from "./sums";
import { newStep, numbersOf, requestOf, resized, stepsOf, textOf, withNumber, type Step } from "./steps";
import { before, formulaOf, rangesBack, sizeAfter, slidesOf } from "./windows";

const conv = (change: object = {}): Step => ({ ...newStep("conv"), ...change }) as Step;
const NAMED = new Map([["edge", [[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]); // prettier-ignore

describe("steps in the URL", () => {
  test("what is written is read again", () => {
    const steps: Step[] = [
      conv({ kernel: "sobel-x", stride: 2, padding: "same", dilation: 3, bias: -0.5, perChannel: true }),
      conv({ kernel: [[1, -0.5], [0, 2e-7]], padding: 1 }), // prettier-ignore
      newStep("relu"),
      { kind: "max_pool", size: 3, stride: 1, padding: 1 },
      newStep("average_pool"),
    ];
    expect(stepsOf(textOf(steps))).toEqual(steps);
    expect(textOf(steps)).toBe(
      "conv:sobel-x:s2:padsame:dil3:bias-0.5:each conv:1,-0.5/0,2e-7:pad1 relu max_pool:3:s1:pad1 average_pool:2",
    );
  });

  test("what can't be read is left out, never a broken step", () => {
    expect(stepsOf("conv nonsense conv:1,2/3 max_pool:0 relu")).toEqual([
      newStep("max_pool"),
      newStep("relu"),
    ]);
  });

  test("the service is asked in its own words", () => {
    expect(requestOf(conv())).toMatchObject({ kind: "conv", kernel: "edge", per_channel: false });
    expect(requestOf(newStep("relu"))).toEqual({ kind: "relu" });
  });
});

describe("kernels", () => {
  test("have numbers by name, or their own", () => {
    expect(numbersOf("edge", NAMED)).toHaveLength(3);
    expect(numbersOf("nobody", NAMED)).toBeNull();
  });
  test("grow and shrink about their middle", () => {
    expect(resized([[5]], 3)).toEqual([[0, 0, 0], [0, 5, 0], [0, 0, 0]]); // prettier-ignore
    expect(resized(NAMED.get("edge") ?? [], 1)).toEqual([[5]]);
  });
  test("are never changed in place", () => {
    const old = [[1, 2]];
    expect(withNumber(old, 0, 1, 7)).toEqual([[1, 7]]);
    expect(old).toEqual([[1, 2]]);
  });
});

describe("sizes and windows", () => {
  const slide = (step: Step) => slidesOf(step, numbersOf("edge", NAMED))[0];

  test("a size comes with its formula", () => {
    expect(formulaOf(28, slide(conv()))).toBe("28 − 3 + 1 = 26");
    expect(formulaOf(28, slide(conv({ stride: 2, padding: 1, dilation: 2 })))).toBe(
      "⌊(28 + 2·1 − (2·(3 − 1) + 1)) / 2⌋ + 1 = 13",
    );
    expect(sizeAfter(28, slide(conv({ padding: "same", dilation: 2 })))).toBe(28);
    expect(sizeAfter(2, slide(conv())), "the window doesn't fit").toBe(0);
    expect(sizeAfter(28, slide(newStep("max_pool")))).toBe(14);
    expect(sizeAfter(28, slide(newStep("relu")))).toBe(28);
  });

  test("a window is followed back to the picture", () => {
    const slides = [slide(conv({ padding: 1 })), slide(newStep("relu")), slide(newStep("max_pool"))];
    expect(before({ first: 3, end: 4 }, slide(newStep("max_pool")))).toEqual({ first: 6, end: 8 });
    expect(rangesBack({ first: 3, end: 4 }, slides)).toEqual([
      { first: 5, end: 9 },
      { first: 6, end: 8 },
      { first: 6, end: 8 },
      { first: 3, end: 4 },
    ]);
  });
});

describe("the spot", () => {
  const maps = (height: number, width: number, largest: number) => {
    const values = new Float32Array(height * width);
    values[largest] = -9;
    return { count: 1, height, width, values };
  };
  const stages = [maps(4, 4, 0), maps(2, 3, 4)];

  test("is where the first step has most to say, as long as nobody chose", () => {
    expect(spotOf(null, stages)).toEqual({ stage: 1, channel: 0, y: 1, x: 1 });
    expect(spotOf(null, [])).toBeNull();
  });
  test("is in the URL, and stays inside when the maps shrink", () => {
    const spot = { stage: 1, channel: 0, y: 1, x: 2 };
    expect(spotOf(textOfSpot(spot), stages)).toEqual(spot);
    expect(spotOf("7.3.9.9", stages)).toEqual(spot);
    expect(moved(spot, stages[1]!, 5, -1)).toEqual({ ...spot, x: 1 });
  });
});

describe("arithmetic", () => {
  const input = { count: 2, height: 3, width: 3, values: Float32Array.from({ length: 18 }, (_, i) => i) };
  const numbers = NAMED.get("edge") ?? null;
  const at = (step: Step, y: number, x: number, channel = 0) =>
    arithmeticOf(step, numbers, input, slidesOf(step, numbers), { channel, y, x });

  test("adds the products of all channels and the bias", () => {
    const found = at(conv({ bias: 10 }), 0, 0);
    const sum = (from: number): number =>
      [1, 2, 3, 4, 5, 6, 7, 8, 9].reduce((total, weight, i) => total + weight * (from + i), 0);
    expect(found.windows.map((window) => window.sum)).toEqual([sum(0), sum(9)]);
    expect(found.value).toBe(sum(0) + sum(9) + 10);
    expect(at(conv({ perChannel: true }), 0, 0, 1).value).toBe(sum(9));
  });

  test("counts padding as nothing", () => {
    const [window] = at(conv({ padding: 1, perChannel: true }), 0, 0).windows;
    expect(window?.rows[0]?.map(({ value }) => value)).toEqual([null, null, null]);
    expect(window?.sum).toBe(5 * 0 + 6 * 1 + 8 * 3 + 9 * 4);
  });

  test("pools and bends", () => {
    expect(at(newStep("max_pool"), 0, 0).value).toBe(4);
    expect(at(newStep("average_pool"), 0, 0, 1).value).toBe((9 + 10 + 12 + 13) / 4);
    expect(at(newStep("tanh"), 0, 1).value).toBe(Math.tanh(1));
  });
});
