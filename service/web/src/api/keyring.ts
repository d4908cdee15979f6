/** Turns refusals for want of a key into one question to the person, and its answer into the key that is sent. */
import type { Refusal } from "./problem";

const NAME = "convscope-key";

/** Codes of refusals that another key may help against. */
const WANTING = new Set(["key_needed", "wrong_key", "scope_needed"]);

type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export class Keyring {
  /** What the service said, while the person is asked. */
  question: Refusal | null = null;
  /** Whether the service has keys at all, as far as that is known. */
  isNeeded: boolean;
  /** Told of every change of the above. */
  onchange: () => void = () => undefined;
  #key: string | null;
  #answer: ((isGiven: boolean) => void) | null = null;
  #asking: Promise<boolean> | null = null;
  #isDeclined = false;

  /** `store` keeps the key for as long as the tab lives, and for no other tab. */
  constructor(private readonly store: Store | null) {
    this.#key = store?.getItem(NAME) ?? null;
    this.isNeeded = this.#key !== null;
  }

  get key(): string | null {
    return this.#key;
  }

  /** Whether the person is being asked. */
  get isAsking(): boolean {
    return this.#asking !== null;
  }

  /** Whether there is another key to try a request with that was refused; asks for one, once for all requests. */
  async another(refusal: Refusal, sent: string | null): Promise<boolean> {
    if (!WANTING.has(refusal.code)) return false;
    this.isNeeded = true;
    if (this.#key !== sent) return true; // given meanwhile
    if (this.#isDeclined) return false;
    return this.ask(refusal);
  }

  /** Ask; whether a key was given. */
  ask(refusal: Refusal | null): Promise<boolean> {
    this.#asking ??= new Promise<boolean>((resolve) => (this.#answer = resolve));
    this.question = refusal;
    this.onchange();
    return this.#asking;
  }

  /** The person gave a key; an empty one takes the old one away. */
  give(key: string): void {
    this.#key = key.trim() || null;
    if (this.#key === null) this.store?.removeItem(NAME);
    else this.store?.setItem(NAME, this.#key);
    this.#settle(true);
  }

  /** The person has none: no more questions until they say otherwise. */
  decline(): void {
    this.#settle(false);
  }

  #settle(isGiven: boolean): void {
    this.#isDeclined = !isGiven;
    this.question = null;
    this.#answer?.(isGiven);
    this.#asking = this.#answer = null;
    this.onchange();
  }
}

export const keyring = new Keyring(globalThis.sessionStorage ?? null);
