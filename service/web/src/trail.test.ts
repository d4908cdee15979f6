/** Holds that a walk survives its way through the URL, and how it goes on. */
import { expect, it } from "vitest";

import { follow, readTrail, writeTrail } from "./trail";

const dense = { layer: "dense", channel: 3, y: null, x: null };
const pool = { layer: "a/b:1,2%", channel: 0, y: 4, x: 0 };
const pixel = { layer: "input", channel: 0, y: 9, x: 9 };

it("comes back as it was", () => expect(readTrail(writeTrail([dense, pool]))).toEqual([dense, pool]));

it("leaves out what isn't a spot", () => {
  expect(readTrail(null)).toEqual([]);
  expect(readTrail("x,:1,y:z,dense:3,a:1:2:3:4,%:1")).toEqual([dense, { ...dense, layer: "%", channel: 1 }]);
});

it("goes on from where one stands, and begins anew beside it", () => {
  expect(follow([], dense, pool)).toEqual([dense, pool]);
  expect(follow([dense, pool], pool, pixel)).toEqual([dense, pool, pixel]);
  expect(follow([dense, pool, pixel], dense, pixel)).toEqual([dense, pixel]);
  expect(follow([dense], pool, pixel)).toEqual([pool, pixel]);
});
