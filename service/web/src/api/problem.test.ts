/** Holds that a refusal speaks in the service's own words. */
import { describe, expect, it } from "vitest";

import { isAbort, refusalOf, ServerGone } from "./problem";

function answer(body: string, type: string, status = 415): Response {
  return new Response(body, { status, statusText: "Unsupported", headers: { "content-type": type } });
}

describe("refusalOf", () => {
  it("speaks in the problem's own words and keeps its code", async () => {
    const problem = { title: "Not a picture", detail: "send a PNG", code: "not_a_picture", status: 415 };
    const refusal = await refusalOf(answer(JSON.stringify(problem), "application/problem+json"));
    expect(refusal).toMatchObject({ message: "send a PNG", status: 415, code: "not_a_picture" });
  });

  it("takes the title where there is no detail", async () => {
    const refusal = await refusalOf(answer('{"title": "Not a picture"}', "application/problem+json"));
    expect(refusal).toMatchObject({ message: "Not a picture", code: "unknown" });
  });

  it.each([
    ["<h1>no</h1>", "text/html"],
    ["{broken", "application/json"],
    ["{}", "application/json"],
  ])("says the status where the answer is no problem document: %s", async (body, type) => {
    expect((await refusalOf(answer(body, type))).message).toBe("The service answered 415 Unsupported.");
  });
});

it("isAbort tells a cancelled request from a failed one", () => {
  expect(isAbort(new DOMException("stop", "AbortError"))).toBe(true);
  expect(isAbort(new DOMException("no", "DataError"))).toBe(false);
  expect(isAbort(new ServerGone())).toBe(false);
});
