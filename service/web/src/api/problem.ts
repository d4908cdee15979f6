/** Turns a failed request into an error whose message a person can act on. */
import type { Problem } from "./documents";

/** The service answered, and refused. */
export class Refusal extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
  ) {
    super(message);
    this.name = "Refusal";
  }
}

/** Nothing answered at all. */
export class ServerGone extends Error {
  constructor() {
    super("The service does not answer.");
    this.name = "ServerGone";
  }
}

/** Gateways between page and service answer in their own words; those are no problem documents. */
export async function refusalOf(response: Response): Promise<Refusal> {
  if (response.headers.get("content-type")?.includes("json")) {
    const problem = (await response.json().catch(() => ({}))) as Partial<Problem> & { error?: string };
    const message = problem.detail ?? problem.title ?? problem.error; // the last: below /v2
    if (typeof message === "string") return new Refusal(message, response.status, problem.code ?? "unknown");
  }
  return new Refusal(
    `The service answered ${response.status} ${response.statusText}.`,
    response.status,
    "unknown",
  );
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
