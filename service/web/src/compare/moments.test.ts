import { expect, it } from "vitest";

import { chosenMoment, momentsOf } from "./moments";

const moments = momentsOf([{ step: 0 }, { step: 480 }]);

it("ends with what was published, where anything was kept", () => {
  expect(moments).toEqual([0, 480, "published"]);
  expect(momentsOf([])).toEqual([]);
});

it("takes the moment that is named, else the end", () => {
  expect(chosenMoment(moments, "480")).toBe(480);
  expect(chosenMoment(moments, "481")).toBe("published");
  expect(chosenMoment(moments, null)).toBe("published");
});
