import { expect, test } from "vitest";
import type { Model } from "../api/documents";
import { rightPicture, rightVersion } from "./right";

const model = (name: string, version: number, versions: number[]): Model =>
  ({ name, version, versions }) as Model;
const choosing =
  (chosen: Record<string, string>) =>
  (name: string): string | null =>
    chosen[name] ?? null;
const LISTED = [model("digits", 3, [1, 2, 3]), model("ticks", 1, [1])];
const SAMPLES = [
  { file: "0.png", label: "0" },
  { file: "1.png", label: "1" },
];

test("beside a version stands the newest other one of its model, or itself where there is none", () => {
  expect(rightVersion(model("digits", 3, [1, 2, 3]), LISTED, choosing({}))).toEqual({
    ...{ model: "digits", version: 2 },
  });
  expect(rightVersion(model("ticks", 1, [1]), LISTED, choosing({}))).toEqual({ model: "ticks", version: 1 });
});

test("what is chosen stands there, if there is such a one", () => {
  const left = model("ticks", 1, [1]);
  expect(rightVersion(left, LISTED, choosing({ rightmodel: "digits" }))).toEqual({
    ...{ model: "digits", version: 3 },
  });
  const chosen = choosing({ rightmodel: "digits", rightversion: "1" });
  expect(rightVersion(left, LISTED, chosen)).toEqual({ model: "digits", version: 1 });
  const gone = choosing({ rightmodel: "digits", rightversion: "9" });
  expect(rightVersion(left, LISTED, gone)).toEqual({ model: "digits", version: 3 });
});

test("two versions read the same picture, one version two pictures, unless something else is chosen", () => {
  expect(rightPicture(false, SAMPLES, "0", choosing({}))).toEqual({ kind: "same" });
  expect(rightPicture(true, SAMPLES, "0", choosing({}))).toEqual({ kind: "sample", file: "1.png" });
  expect(rightPicture(true, SAMPLES, "0", choosing({ rightpicture: "same" }))).toEqual({ kind: "same" });
  expect(rightPicture(false, SAMPLES, "0", choosing({ rightpicture: "ab" }))).toEqual({
    ...{ kind: "kept", hash: "ab" },
  });
  expect(rightPicture(false, SAMPLES, "0", choosing({ rightsample: "1.png" }))).toEqual({
    ...{ kind: "sample", file: "1.png" },
  });
});
