/** Turns the keyring into a state that the page follows. */
import { keyring } from "./api/keyring";
import type { Refusal } from "./api/problem";

class KeyState {
  key = $state.raw<string | null>(keyring.key);
  isNeeded = $state(keyring.isNeeded);
  question = $state.raw<Refusal | null>(null);
  /** The dialog is open: for a question, or because the person wants to. */
  isOpen = $state(false);

  constructor() {
    keyring.onchange = () => {
      this.key = keyring.key;
      this.isNeeded = keyring.isNeeded;
      this.question = keyring.question;
      this.isOpen = keyring.isAsking;
    };
  }
}

export const keys = new KeyState();
