/** Holds that a person is asked once, however many requests were refused, and that a key stays in its tab. */
import { describe, expect, it } from "vitest";

import { Keyring } from "./keyring";
import { Refusal } from "./problem";

const NEEDED = new Refusal("a key is needed", 401, "key_needed");
const WRONG = new Refusal("none of this service's", 401, "wrong_key");

function store(): Storage & { entries: Map<string, string> } {
  const entries = new Map<string, string>();
  return {
    entries,
    getItem: (name: string) => entries.get(name) ?? null,
    setItem: (name: string, value: string) => void entries.set(name, value),
    removeItem: (name: string) => void entries.delete(name),
  } as unknown as Storage & { entries: Map<string, string> };
}

describe("Keyring", () => {
  it("asks once for all that was refused, and all go on with the answer", async () => {
    const kept = store();
    const ring = new Keyring(kept);
    let asked = 0;
    ring.onchange = () => (asked += ring.question ? 1 : 0);
    const waiting = [ring.another(NEEDED, null), ring.another(NEEDED, null)];
    ring.give(" secret ");
    expect(await Promise.all(waiting)).toEqual([true, true]);
    expect(ring.key).toBe("secret");
    expect([...kept.entries.values()]).toEqual(["secret"]);
    expect(await ring.another(NEEDED, null)).toBe(true); // sent before the key was given
    expect(asked).toBe(2);
    expect(new Keyring(kept)).toMatchObject({ key: "secret", isNeeded: true });
  });

  it("asks again where the key was wrong, and says so", async () => {
    const ring = new Keyring(store());
    ring.give("old");
    const waiting = ring.another(WRONG, "old");
    expect(ring.question).toBe(WRONG);
    ring.give("new");
    expect(await waiting).toBe(true);
    expect(ring.question).toBeNull();
  });

  it("asks no more once it was declined, until the person wants to", async () => {
    const ring = new Keyring(store());
    const waiting = ring.another(NEEDED, null);
    ring.decline();
    expect(await waiting).toBe(false);
    expect(await ring.another(NEEDED, null)).toBe(false);
    expect(ring.isNeeded).toBe(true);
    const again = ring.ask(null);
    ring.give("secret");
    expect(await again).toBe(true);
  });

  it("leaves other refusals alone, and forgets on demand", async () => {
    const kept = store();
    const ring = new Keyring(kept);
    expect(await ring.another(new Refusal("too large", 413, "body_too_large"), null)).toBe(false);
    expect(ring.isNeeded).toBe(false);
    ring.give("secret");
    ring.give("");
    expect(ring.key).toBeNull();
    expect(kept.entries.size).toBe(0);
  });
});
