/** Turns the system's light or dark preference into a state that the drawings follow. */
import type { Theme } from "./scale";

const preference = matchMedia("(prefers-color-scheme: dark)");

class ThemeState {
  now = $state<Theme>(preference.matches ? "dark" : "light");

  constructor() {
    preference.addEventListener("change", (event) => (this.now = event.matches ? "dark" : "light"));
  }
}

export const theme = new ThemeState();
