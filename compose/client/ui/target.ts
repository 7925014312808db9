import type { Block, Post } from "../model";
import type { Draft } from "../state/types";
import { toField } from "./times";

/** What is being written: a new post, or another text of a post or a draft. */
export type Target = { kind: "new" } | { kind: "post"; post: Post } | { kind: "draft"; draft: Draft };

/** What a post has apart from its content. time is the local date and time of a field; empty is now. */
export interface Options {
  author: string;
  pinned: boolean;
  key_event: boolean;
  hidden: boolean;
  time: string;
}

export const noOptions: Options = { author: "", pinned: false, key_event: false, hidden: false, time: "" };

/** A key that tells targets of a channel apart. */
export function placeName(target: Target): string {
  return `${target.kind} ${idOf(target)}`;
}

/** The ID of the post or draft; empty for a new post. */
export function idOf(target: Target): string {
  if (target.kind === "post") return target.post.id;
  return target.kind === "draft" ? target.draft.id : "";
}

/** The revision of the post, or the version of the draft. */
export function versionOf(target: Target): string {
  if (target.kind === "post") return target.post.revision;
  return target.kind === "draft" ? target.draft.modified : "";
}

export function contentOf(target: Target): Block[] {
  if (target.kind === "post") return target.post.content;
  return target.kind === "draft" ? target.draft.content : [];
}

export function optionsOf(target: Target): Options {
  if (target.kind === "new") return noOptions;
  const of = target.kind === "post" ? target.post : target.draft;
  return {
    author: of.author,
    pinned: of.pinned,
    key_event: of.key_event,
    hidden: target.kind === "post" && !target.post.show,
    time: toField((target.kind === "draft" && target.draft.at) || of.created || undefined),
  };
}
