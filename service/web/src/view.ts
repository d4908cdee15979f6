/** Turns what is on the screen into the URL's hash and back: every view is a link. */

export interface View {
  model: string | null;
  /** Only when chosen: without it a link follows whatever version answers. */
  version: number | null;
  sample: string | null;
  layer: string | null;
  channel: number | null;
}

export const START: View = { model: null, version: null, sample: null, layer: null, channel: null };

const TEXTS = ["model", "sample", "layer"] as const;
const NUMBERS = ["version", "channel"] as const;

export function viewOf(hash: string): View {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const view = { ...START };
  for (const name of TEXTS) view[name] = parameters.get(name) || null;
  for (const name of NUMBERS) {
    const text = parameters.get(name) ?? "";
    view[name] = /^\d{1,9}$/.test(text) ? Number(text) : null;
  }
  return view;
}

export function hashOf(view: View): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(view)) {
    if (value !== null) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text && `#${text}`;
}
