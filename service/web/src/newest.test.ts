/** Holds which of many jobs run: one at a time, then only the newest. */
import { expect, it } from "vitest";

import { Newest } from "./newest";

/** Jobs that finish when told, and a record of what happened. */
function workshop() {
  const log: string[] = [];
  const finish = new Map<string, () => void>();
  const job = (name: string) => (signal: AbortSignal) => {
    log.push(`${name} starts`);
    signal.addEventListener("abort", () => log.push(`${name} aborted`));
    return new Promise<void>((resolve) => finish.set(name, resolve));
  };
  const settle = async (name: string) => {
    finish.get(name)?.();
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { log, job, settle };
}

it("follow lets the running job finish, then runs only the newest", async () => {
  const { log, job, settle } = workshop();
  const newest = new Newest();
  for (const name of ["a", "b", "c"]) newest.follow(job(name));
  await settle("a");
  await settle("c");
  expect(log).toEqual(["a starts", "c starts"]);
});

it("replace aborts the running job and forgets the waiting one", async () => {
  const { log, job, settle } = workshop();
  const newest = new Newest();
  newest.follow(job("a"));
  newest.follow(job("b"));
  newest.replace(job("c"));
  await settle("a");
  await settle("c");
  expect(log).toEqual(["a starts", "a aborted", "c starts"]);
});

it("runs again after a job that was aborted by its own request", async () => {
  const { log, job, settle } = workshop();
  const newest = new Newest();
  newest.replace(() => Promise.reject(new DOMException("gone", "AbortError")));
  await settle("");
  newest.follow(job("b"));
  await settle("b");
  expect(log).toEqual(["b starts"]);
});
