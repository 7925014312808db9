import type { Channel, Post } from "../model";
import { retryAfter } from "../../../page/client/transports/transport";
import { isObject } from "../../../page/client/update";
import { Failure, failureOf, judge } from "./problem";
import type { Problem } from "./types";

export interface Answer<T> {
  status: number;
  value: T;
  /** The validator of what the answer has, with its quotes. */
  etag: string;
}

export interface Request {
  body?: unknown;
  /** The Idempotency-Key. */
  key?: string;
  /** The ETag for If-Match, with its quotes. */
  match?: string;
  signal?: AbortSignal;
}

const asHeader = "Motacilla-As";

/** How long an answer may take. A connection that lost its other side says nothing for ever. */
const patienceMs = 30_000;

/** Makes requests to the REST interface. Everything that fails is a Failure. */
export class Api {
  /** base is the path below which the server is; empty if it is the whole host. who is the account that sends; empty: whoever is signed in. */
  constructor(
    readonly base: string,
    private readonly who = "",
  ) {}

  /** Returns an Api whose requests the server refuses with 401 if another account is signed in. */
  as(who: string): Api {
    return new Api(this.base, who);
  }

  url(path: string): string {
    return `${this.base}/api/${path}`;
  }

  get<T>(path: string, signal?: AbortSignal): Promise<Answer<T>> {
    return this.send<T>("GET", path, { signal });
  }

  async send<T>(method: string, path: string, r: Request = {}): Promise<Answer<T>> {
    const headers: Record<string, string> = { Accept: "application/json, application/problem+json" };
    if (r.body !== undefined) headers["Content-Type"] = "application/json";
    if (r.key) headers["Idempotency-Key"] = r.key;
    if (r.match) headers["If-Match"] = r.match;
    if (this.who) headers[asHeader] = encodeURIComponent(this.who);
    const life = new AbortController();
    const stop = (): void => life.abort();
    const timer = setTimeout(stop, patienceMs);
    r.signal?.addEventListener("abort", stop, { once: true });
    if (r.signal?.aborted) stop();
    try {
      const answer = await fetch(this.url(path), {
        method,
        headers,
        body: r.body === undefined ? null : JSON.stringify(r.body),
        credentials: "same-origin",
        cache: method === "GET" ? "no-cache" : "no-store",
        signal: life.signal,
      });
      return await read<T>(answer);
    } catch (err) {
      throw failureOf(err);
    } finally {
      clearTimeout(timer);
      r.signal?.removeEventListener("abort", stop);
    }
  }

  async post(channel: string, id: string, signal?: AbortSignal): Promise<Post> {
    return asPost((await this.get<Post>(postPath(channel, id), signal)).value);
  }
}

async function read<T>(answer: Response): Promise<Answer<T>> {
  const kind = answer.headers.get("Content-Type") ?? "";
  const etag = answer.headers.get("ETag") ?? "";
  if (answer.status === 204) return { status: 204, value: undefined as T, etag };
  if (answer.ok && isType(kind, "application/json")) {
    return { status: answer.status, value: (await answer.json()) as T, etag };
  }
  const said: unknown = isType(kind, "application/problem+json") ? await answer.json() : null;
  const own = isObject(said) && said.status === answer.status && typeof said.title === "string";
  throw judge(own ? problemOf(said) : strange(answer), own, retryAfter(answer.headers.get("Retry-After")));
}

function problemOf(said: Record<string, unknown>): Problem {
  const problem: Problem = { status: Number(said.status), title: String(said.title) };
  if (typeof said.detail === "string") problem.detail = said.detail;
  if (typeof said.field === "string") problem.field = said.field;
  return problem;
}

/** Says what came that the server can't have said: a page that asks to pay for the network, a proxy's error. */
function strange(answer: Response): Problem {
  if (answer.ok) return { status: 0, title: "network", detail: "something between this browser and the server has answered" };
  return { status: answer.status, title: answer.statusText || String(answer.status) };
}

function isType(kind: string, type: string): boolean {
  return kind.split(";")[0]?.trim().toLowerCase() === type;
}

export function channelPath(channel: string): string {
  return `channels/${encodeURIComponent(channel)}`;
}

export function postPath(channel: string, post: string): string {
  return `${channelPath(channel)}/posts/${encodeURIComponent(post)}`;
}

export function draftPath(channel: string, draft: string): string {
  return `${channelPath(channel)}/drafts/${encodeURIComponent(draft)}`;
}

/** The ETag of a post is its revision. */
export function etagOf(revision: string): string {
  return `"${revision}"`;
}

// JSON has revisions as numbers, of which fewer than 2^53 are used. Here they are texts, since nobody calculates with them.

export function asPost(p: Post): Post {
  return { ...p, revision: String(p.revision) };
}

export function asChannel(c: Channel): Channel {
  return { ...c, revision: String(c.revision) };
}

/** Whether a revision is newer than another one. */
export function newer(a: string | number, b: string | number): boolean {
  return Number(a) > Number(b);
}

/** Whether err says that something is not there. */
export function isAbsent(err: unknown): boolean {
  return err instanceof Failure && err.kind === "refused" && (err.status === 404 || err.status === 410);
}
