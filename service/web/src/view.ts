/** Turns what is on the screen into the URL's hash and back: every view is a link. */

export const PLACES = ["explore", "why", "compare", "workbench", "numbers", "training"] as const;
export type Place = (typeof PLACES)[number];

export interface View {
  readonly model: string | null;
  /** Only when chosen: without it a link follows whatever version answers. */
  readonly version: number | null;
  /** A sample's file, or the hash of a picture that the album keeps; neither: the first sample. */
  readonly sample: string | null;
  readonly picture: string | null;
  readonly place: Place;
  readonly layer: string | null;
  readonly channel: number | null;
  readonly y: number | null;
  readonly x: number | null;
  /** What else was chosen, by name; each place reads its own. */
  readonly choices: Readonly<Record<string, string>>;
}

export const START: View = {
  model: null,
  version: null,
  sample: null,
  picture: null,
  place: "explore",
  layer: null,
  channel: null,
  y: null,
  x: null,
  choices: {},
};

const TEXTS = ["model", "sample", "picture", "layer"] as const;
const NUMBERS = ["version", "channel", "y", "x"] as const;
const KNOWN = new Set<string>([...TEXTS, ...NUMBERS, "place"]);

export function viewOf(hash: string): View {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const view = { ...START, choices: {} as Record<string, string> };
  for (const name of TEXTS) view[name] = parameters.get(name) || null;
  for (const name of NUMBERS) {
    const text = parameters.get(name) ?? "";
    view[name] = /^\d{1,9}$/.test(text) ? Number(text) : null;
  }
  view.place = PLACES.find((place) => place === parameters.get("place")) ?? START.place;
  for (const [name, value] of parameters) if (!KNOWN.has(name) && value) view.choices[name] = value;
  return view;
}

export function hashOf(view: View): string {
  const { choices, ...rest } = view;
  const parameters = new URLSearchParams();
  for (const [name, value] of [...Object.entries(rest), ...Object.entries(choices)]) {
    if (value !== null && value !== "" && !(name === "place" && value === START.place))
      parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text && `#${text}`;
}

/** The view with one choice made, or taken back with null. */
export function withChoice(view: View, name: string, value: string | null): View {
  const { [name]: _, ...others } = view.choices;
  return { ...view, choices: value === null ? others : { ...others, [name]: value } };
}
