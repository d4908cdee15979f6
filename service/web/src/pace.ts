/** Turns the speed that was chosen into cells a second, and starts or stops a cursor at it. */
import type { Look } from "./look.svelte";
import type { Session } from "./session.svelte";

export const SPEEDS = ["1", "4", "16", "64", "instant"] as const;

const USUAL = "4";

/** Cells a second at speed 1. */
const PACE = 3;

export function speedOf(session: Session): string {
  return SPEEDS.find((known) => known === session.choice("speed")) ?? USUAL;
}

export function choosePace(session: Session, speed: string): void {
  session.choose("speed", speed === USUAL ? null : speed);
}

export function toggle({ cursor, session }: Look): void {
  if (cursor.isPlaying) cursor.pause();
  else
    cursor.play(() => {
      const speed = speedOf(session);
      return speed === "instant" ? Infinity : PACE * Number(speed);
    });
}
