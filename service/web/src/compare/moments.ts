/** Turns the steps of a training that were kept into the moments that can be looked at, its end among them. */

/** After so many batches, or at the end: what was published. */
export type Moment = number | "published";

export function momentsOf(film: readonly { readonly step: number }[]): Moment[] {
  return film.length ? [...film.map(({ step }) => step), "published"] : [];
}

/** The moment that the address names; without one, the end. */
export function chosenMoment(moments: readonly Moment[], text: string | null): Moment {
  return moments.find((moment) => String(moment) === text) ?? "published";
}
