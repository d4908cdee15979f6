/** Holds that a view survives its way through the URL. */
import { describe, expect, it } from "vitest";

import { hashOf, START, viewOf, type View } from "./view";

describe("the view in the URL", () => {
  it("comes back as it was", () => {
    const view: View = {
      ...START,
      ...{ model: "digits", version: 3, sample: "a b&c=.png", layer: "features.conv1", channel: 0 },
      ...{ place: "why", y: 3, x: 0, choices: { method: "grad-cam", open: "a.b,c d" } },
    };
    expect(viewOf(hashOf(view))).toEqual(view);
    expect(viewOf(hashOf(START))).toEqual(START);
  });

  it("has no hash when there is nothing to say", () => expect(hashOf(START)).toBe(""));

  it("takes a foreign hash as the start", () => {
    expect(viewOf("#about")).toEqual(START);
    expect(viewOf("#version=-1&channel=x&model=")).toEqual(START);
  });
});
