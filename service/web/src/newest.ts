/** Turns a stream of jobs into the runs that are worth it: one at a time, and then only the newest. */
import { isAbort } from "./api/problem";

export type Job = (signal: AbortSignal) => Promise<void>;

/**
 * Two ways in. `replace` ends the running job: its picture is gone. `follow` lets it finish and then runs the newest
 * one only: while somebody draws, each answer is of a picture a moment old, but there always is an answer.
 */
export class Newest {
  #running: AbortController | null = null;
  #waiting: Job | null = null;

  replace(job: Job): void {
    this.cancel();
    void this.#run(job);
  }

  follow(job: Job): void {
    if (this.#running) this.#waiting = job;
    else void this.#run(job);
  }

  cancel(): void {
    this.#running?.abort();
    this.#running = null;
    this.#waiting = null;
  }

  async #run(job: Job): Promise<void> {
    const controller = new AbortController();
    this.#running = controller;
    try {
      await job(controller.signal);
    } catch (error) {
      if (!isAbort(error)) throw error;
    } finally {
      if (this.#running === controller) {
        this.#running = null;
        const next = this.#waiting;
        this.#waiting = null;
        if (next) void this.#run(next);
      }
    }
  }
}
