import type { Problem } from "./types";

/**
 * What became of a request that did not succeed.
 *
 * - later: the network, a proxy or the server failed. The server may have acted. The same request again is right.
 * - signin: nobody is signed in any more.
 * - refused: the server says no. The same request again would be refused again.
 */
export type FailureKind = "later" | "signin" | "refused";

export class Failure extends Error {
  /** waitMs is how long the server asks to wait, at least. */
  constructor(
    readonly kind: FailureKind,
    readonly problem: Problem,
    readonly waitMs = 0,
  ) {
    super(problem.detail || problem.title);
  }

  get status(): number {
    return this.problem.status;
  }
}

/** Returns err as a Failure. What is none is a defect of this program, or the network's. */
export function failureOf(err: unknown): Failure {
  if (err instanceof Failure) return err;
  const text = err instanceof Error ? err.message : String(err);
  return new Failure("later", { status: 0, title: "network", detail: text });
}

/** Statuses that say something about the moment, not about the request. */
const passing = new Set([408, 421, 425, 429, 500, 502, 503, 504]);

/**
 * Judges an answer other than a success. own says that the server itself answers, and not a proxy before it: a proxy that has no
 * backend may say 404 for a moment. What a proxy forbids, or finds too large, it will always.
 */
export function judge(problem: Problem, own: boolean, waitMs: number): Failure {
  const { status } = problem;
  if (status === 401) return new Failure("signin", problem);
  if (passing.has(status) || (status >= 500 && !own)) return new Failure("later", problem, waitMs);
  if (!own && (status < 400 || status === 404 || status === 410)) return new Failure("later", problem, waitMs);
  return new Failure("refused", problem);
}
