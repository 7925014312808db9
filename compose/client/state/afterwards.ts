// What follows from what came of an attempt to send an entry.

import type { Post } from "../model";
import type { Change, Entry } from "./change";
import type { Outcome } from "./deliver";
import type { Draft, NewDraft } from "./types";

/** What others have made of it in a conflict. */
export function newestOf({ theirs, theirDraft }: Extract<Outcome, { kind: "conflict" }>): Pick<Entry, "theirs" | "theirDraft"> {
  return { ...(theirs !== undefined && { theirs }), ...(theirDraft !== undefined && { theirDraft }) };
}

/**
 * The server has an older text of an entry that was replaced. Returns the entry that changes that into the newer one; null if
 * there is nothing to change.
 */
export function remainder(now: Entry, post?: Post | null, draft?: Draft | null): Entry | null {
  const { sent: _s, draft: _d, problem: _p, ...rest } = now;
  const again = (change: Change): Entry => ({ ...rest, state: "waiting", change });
  const c = now.change;
  if (post && (c.kind === "post" || c.kind === "edit")) {
    return again({ kind: "edit", channel: c.channel, post: post.id, base: post.revision, body: c.body, was: post });
  }
  if (post && c.kind === "delete") return again({ ...c, base: post.revision, was: post });
  if (draft && (c.kind === "draft" || c.kind === "draft-edit")) {
    const { edits: _e, ...body } = c.body as NewDraft;
    const change: Change = { kind: "draft-edit", channel: c.channel, draft: draft.id, base: draft.modified, body, was: draft };
    return again(c.then ? { ...change, then: c.then } : change);
  }
  if (draft && "draft" in c) return again({ ...c, base: draft.modified, was: draft });
  if (c.kind === "delete" || c.kind === "draft-delete") return null;
  return { ...rest, state: "conflict", theirs: null, theirDraft: null };
}

/** Has a later change of the same post, made in the same tab, build on what an earlier one has made. */
export function follow(later: Entry, e: Entry, post: Post): Entry[] {
  const c = later.change;
  const first = e.change;
  if (first.kind !== "edit" || (c.kind !== "edit" && c.kind !== "delete")) return [];
  if (later.seq <= e.seq || c.post !== post.id || later.tab !== e.tab) return [];
  const made = Object.fromEntries(Object.keys(first.body).map((field) => [field, post[field as keyof Post]]));
  return [{ ...later, change: { ...c, was: { ...c.was, ...made } } }];
}
