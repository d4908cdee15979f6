/** Turns the choice of how opaque a map lies on the picture into a share. */

const USUAL = 0.75;

export function opacityOf(choice: string | null): number {
  const percent = Number(choice ?? NaN);
  return percent >= 0 && percent <= 100 ? percent / 100 : USUAL;
}
