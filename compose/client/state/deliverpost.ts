import type { Post } from "../model";
import { asPost, channelPath, etagOf, isAbsent, newer, postPath } from "./api";
import type { Change, Entry } from "./change";
import type { Deliveries, Outcome } from "./deliver";
import { Failure, failureOf } from "./problem";
import { changedFields, clash, wordsOf } from "./same";
import type { Version, WholeVersion } from "./types";

type Of<K extends Change["kind"]> = Extract<Change, { kind: K }>;

/** How often a write begins anew because others write the same post at the same time. */
const most = 5;

export async function deliverPost({ api }: Deliveries, e: Entry, c: Of<"post">, signal: AbortSignal): Promise<Outcome> {
  try {
    const answer = await api.send<Post>("POST", `${channelPath(c.channel)}/posts`, { body: c.body, key: e.key, signal });
    const stale = answer.status === 200 && e.sent?.turn !== e.turn;
    return { kind: "done", post: asPost(answer.value), stale };
  } catch (err) {
    if (failureOf(err).status === 410) return { kind: "conflict", theirs: null }; // it was made, and somebody has removed it
    throw err;
  }
}

const flags = new Set(["show", "pinned", "key_event"]);

export async function deliverEdit(d: Deliveries, c: Of<"edit">, signal: AbortSignal): Promise<Outcome> {
  const body = changedFields(c.body, c.was);
  const onlyFlags = Object.keys(body).every((field) => flags.has(field));
  let base = c.base;
  for (let n = 0; ; n++) {
    try {
      const match = onlyFlags ? undefined : etagOf(base);
      const answer = await d.api.send<Post>("PATCH", postPath(c.channel, c.post), { body, match, signal });
      return { kind: "done", post: asPost(answer.value) };
    } catch (err) {
      const theirs = await now(d, c, err, signal);
      if (!theirs) return { kind: "conflict", theirs: null };
      if (await landed(d, c, signal)) return { kind: "done", post: theirs };
      if (clash(body, c.was, theirs)) return { kind: "conflict", theirs };
      if (n === most) throw busy();
      base = theirs.revision; // nothing of what this edit changes has been changed by others
    }
  }
}

export async function deliverDelete(d: Deliveries, c: Of<"delete">, signal: AbortSignal): Promise<Outcome> {
  let base = c.base;
  for (let n = 0; ; n++) {
    try {
      await d.api.send("DELETE", postPath(c.channel, c.post), { match: etagOf(base), signal });
      return { kind: "done", post: null };
    } catch (err) {
      if (isAbsent(err)) return { kind: "done", post: null };
      const theirs = await now(d, c, err, signal);
      if (!theirs) return { kind: "done", post: null };
      const { content, author } = c.was;
      if (clash({ content: [], author: "" }, { content, author }, theirs)) return { kind: "conflict", theirs };
      if (n === most) throw busy();
      base = theirs.revision;
    }
  }
}

/** Returns the post as it is now if err says that it is not what the writer saw; null if it was removed. Rejects with any other err. */
async function now({ api }: Deliveries, c: Of<"edit" | "delete">, err: unknown, signal: AbortSignal): Promise<Post | null> {
  const failure = failureOf(err);
  const changed = failure.kind === "refused" && (failure.status === 409 || failure.status === 412);
  if (!changed && !isAbsent(failure)) throw failure;
  try {
    return await api.post(c.channel, c.post, signal);
  } catch (other) {
    if (!isAbsent(other)) throw other;
    await api.get(channelPath(c.channel), signal); // a channel that is not there is another thing to say
    return null;
  }
}

function busy(): Failure {
  return new Failure("later", { status: 409, title: "busy" });
}

/**
 * Whether an edit was made in an attempt whose answer was lost, and others have changed the post since. Then it is no conflict: they
 * have seen it. The history of the post tells, if the server has one. It is asked after the first attempt too: a browser repeats a request
 * by itself if a connection that it has used before breaks off.
 */
async function landed(d: Deliveries, c: Of<"edit">, signal: AbortSignal): Promise<boolean> {
  const { content } = c.body;
  const { account } = d;
  if (!content || !account) return false;
  const path = `${postPath(c.channel, c.post)}/versions`;
  try {
    const { value } = await d.api.get<{ versions: Version[] }>(path, signal);
    const own = value.versions.filter((v) => newer(v.revision, c.base) && v.who === account && !v.removed && !v.current);
    for (const v of own) {
      const whole = await d.api.get<WholeVersion>(`${path}/${v.revision}`, signal);
      if (whole.value.post && wordsOf(whole.value.post.content) === wordsOf(content)) return true;
    }
  } catch (err) {
    if (failureOf(err).kind !== "refused") throw err;
  }
  return false;
}
