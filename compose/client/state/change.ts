import type { NewPost, Post, PostPatch } from "../model";
import type { Draft, DraftPatch, DraftStep, NewDraft, Problem } from "./types";

/**
 * What a person wants to be changed. base is what the person has seen: of a post its revision, of a draft its `modified`. was is the
 * whole of what the person has seen. Content may have images with `local`, the key of a file.
 */
export type Change =
  | { kind: "post"; channel: string; body: NewPost }
  | { kind: "edit"; channel: string; post: string; base: string; body: PostPatch; was: Post }
  | { kind: "delete"; channel: string; post: string; base: string; was: Post }
  | { kind: "draft"; channel: string; body: NewDraft; then?: DraftStep }
  | { kind: "draft-edit"; channel: string; draft: string; base: string; body: DraftPatch; was: Draft; then?: DraftStep }
  | { kind: "draft-delete"; channel: string; draft: string; base: string; was: Draft }
  | { kind: "draft-submit"; channel: string; draft: string; base: string; was: Draft }
  | { kind: "draft-publish"; channel: string; draft: string; base: string; was: Draft }
  | { kind: "draft-unschedule"; channel: string; draft: string; base: string; was: Draft }
  | { kind: "draft-return"; channel: string; draft: string; base: string; was: Draft; note: string }
  | { kind: "draft-schedule"; channel: string; draft: string; base: string; was: Draft; at: string };

/**
 * How far a change has come.
 *
 * - waiting: it is sent as soon as that is possible.
 * - sending: a request is under way.
 * - conflict: somebody else has changed the same. `theirs` or `theirDraft` is the newest version; null: it was removed.
 * - refused: `problem` says why.
 */
export type EntryState = "waiting" | "sending" | "conflict" | "refused";

/** A change in the outbox. */
export interface Entry {
  /** Also the Idempotency-Key. */
  key: string;
  /** The order of the outbox. */
  seq: number;
  made: string;
  /** Whose it is: Account.who. Empty: nobody was known. */
  account: string;
  /** The tab in which it was made. */
  tab: string;
  change: Change;
  state: EntryState;
  /** Why it was refused, or why it still waits. */
  problem?: Problem;
  theirs?: Post | null;
  theirDraft?: Draft | null;
  tries: number;
  /** It is not sent before. */
  notBefore?: string;
  /** False: only this tab's memory has it, because the browser can't store it. */
  kept: boolean;

  /** How often it was replaced by another change. */
  turn: number;
  /** When, and in which turn, a request may have reached the server for the first time. */
  sent?: { at: string; turn: number };
  /** The draft that was made already, or is about to be changed, as the server had it. */
  draft?: { id: string; modified: string; etag: string; /** The edit was made; what is missing is the step after it. */ edited?: boolean };
}

/** What became of an entry that succeeded. post is null if it was removed. */
export interface Settled {
  key: string;
  change: Change;
  post?: Post | null;
  draft?: Draft | null;
}

/** What an entry is about. Entries about the same thing must not overtake each other. */
export function targetOf({ key, change }: Entry): string {
  if ("post" in change) return `post ${change.post}`;
  if ("draft" in change) return `draft ${change.draft}`;
  return `new ${key}`;
}

/** The keys of the files that a change needs. */
export function filesOf(change: Change): string[] {
  const content = "body" in change ? (change.body.content ?? []) : [];
  return content.flatMap((block) => (block.type === "image" && block.value.local ? [block.value.local] : []));
}
