import { isObject, isUpdate, type Update } from "../update";

/** One attempt of a connection over one transport. */
export interface Session {
  url: URL;
  /** Ends the session, because the page pauses or another transport is tried. */
  signal: AbortSignal;
  /** A stream that says nothing for so long, not even a heartbeat, is dead; 45 s unless the page says otherwise. */
  silenceMs: number;
  /** Returns the reader's cursor. */
  cursor(): number;
  /** The server's URL, below which paths are that the server names. Without it, the server is the whole host. */
  server?: URL;
  /**
   * Hands over an update. asked must be true if it answers a question of the reader. works is false if it does not show that the
   * transport works. Returns true if the transport must ask again with the cursor.
   */
  deliver(update: Update, asked: boolean, works?: boolean): boolean;
}

/** A way to get updates. It runs until its session's signal aborts, or throws. */
export type Transport = (session: Session) => Promise<void>;

/** An answer with a status other than 200. */
export class Refused extends Error {
  /**
   * own is true if the server itself refused, and false if the answer may come from a proxy in between. detail is what the
   * server says is wrong.
   */
  constructor(readonly status: number, readonly retryAfter: number, readonly own = false, readonly detail = "") {
    super(`the server answered ${status}${detail && `: ${detail}`}`);
  }
}

/** The server has too many readers, and asks to use another transport for a while. */
export class Moved extends Error {
  /** forMs is for how long, and retryMs after how long a client that can't do that may come again. */
  constructor(readonly transport: string, readonly forMs: number, readonly retryMs: number) {
    super(`the server asks to use ${transport} for a while`);
  }
}

/** Reads what the server says to a reader that it moves (docs/wire.md), in JSON. */
export function moved(text: unknown): Error {
  try {
    return moveOf(JSON.parse(String(text))) ?? new Refused(503, 0);
  } catch {
    return new Refused(503, 0);
  }
}

function moveOf(said: unknown, retryMs = 0): Moved | null {
  if (!isObject(said) || typeof said.transport !== "string" || typeof said.for !== "number" || !(said.for > 0)) return null;
  return new Moved(said.transport, said.for * 1000, typeof said.retry === "number" ? said.retry * 1000 : retryMs);
}

/** Reads why a connection with several channels does not carry one of them (docs/wire.md). */
export function refusedChannel(said: Record<string, unknown>): Error {
  const later = typeof said.retry_after === "number" ? Math.min(said.retry_after * 1000, 300_000) : 0;
  return moveOf(said, later) ?? new Refused(typeof said.status === "number" ? said.status : 0, later, true);
}

/** Reads an answer with a status other than 200. */
export async function refused(answer: Response): Promise<Refused | Moved> {
  const later = retryAfter(answer.headers.get("Retry-After"));
  const problem = await problemOf(answer);
  return moveOf(problem, later) ?? new Refused(answer.status, later, problem !== null);
}

/** Returns the problem document that an answer is, as the server writes it (docs/wire.md): with status and title. */
async function problemOf(answer: Response): Promise<object | null> {
  if (!/^application\/problem\+json\s*(;|$)/i.test(answer.headers.get("Content-Type") ?? "")) return null;
  const problem: unknown = await answer.json().catch(() => null);
  return isObject(problem) && problem.status === answer.status && typeof problem.title === "string" ? problem : null;
}

/** A stream that worked has ended. The client comes back after a pause. */
export class Ended extends Error {
  constructor(readonly pause: number) {
    super("the stream ended");
  }
}

/** Returns what an answer means for the channel, if it denies it; null otherwise. With own, only the server's own answer counts. */
export function denial(err: unknown, own = false): "gone" | "refused" | null {
  if (!(err instanceof Refused) || (own && !err.own)) return null;
  if (err.status === 404 || err.status === 410) return "gone";
  return err.status === 401 || err.status === 403 ? "refused" : null;
}

/** Returns what aborts with the signal, or before it. unlink must be called when it is used no more. */
export function linked(signal: AbortSignal): { life: AbortController; unlink: () => void } {
  const life = new AbortController();
  const stop = (): void => life.abort();
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  return { life, unlink: () => signal.removeEventListener("abort", stop) };
}

/** Resolves after ms, or rejects when the signal aborts. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new DOMException("aborted", "AbortError"));
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    const stop = (): void => {
      clearTimeout(timer);
      reject(new DOMException("aborted", "AbortError"));
    };
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** Returns the milliseconds of a Retry-After header (RFC 9110, section 10.2.3), 0 if there is none. */
export function retryAfter(header: string | null): number {
  if (!header) return 0;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 300_000) : 0;
}

/**
 * Asks once for what comes after the cursor. The browser's cache revalidates by ETag. A request that the server holds
 * must bypass the cache (no-store), because the cache makes other requests for the same URL wait for it.
 */
export async function ask(
  s: Session,
  query: Record<string, string> = {},
  cache: RequestCache = "no-cache",
): Promise<Update> {
  const update = await fetchJSON(s, { query, cache, signal: s.signal });
  if (!isUpdate(update)) throw new Error("the answer is no update");
  return update;
}

/** Asks a session's URL with the cursor. */
export async function fetchJSON(
  s: Session,
  { query = {}, cache, signal }: { query?: Record<string, string>; cache: RequestCache; signal: AbortSignal },
): Promise<unknown> {
  const url = new URL(s.url);
  url.searchParams.set("since", String(s.cursor()));
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const answer = await fetch(url, { cache, credentials: "same-origin", headers: { Accept: "application/json" }, signal });
  if (!answer.ok) throw await refused(answer);
  return answer.json();
}
