import { config } from "../config";
import type { Post, PostPatch } from "../model";
import { program } from "../program";
import type { Change, Entry } from "../state/change";
import type { AddOptions } from "../state/outbox";
import type { Draft, NewDraft } from "../state/types";
import { t } from "../words";
import { titleOf } from "./blocks";
import type { Desk } from "./desk";
import { fromField } from "./times";
import { say, toast } from "./toasts";
import { linkTo } from "./route";

/** What becomes of what is in the composer. */
export type Send = "publish" | "submit" | "save";

/** Puts a change into the outbox, and says so if that fails: then nothing was changed. */
export async function queue(change: Change, o: AddOptions = {}): Promise<Entry | null> {
  try {
    return await program.outbox.add(change, o);
  } catch {
    toast(t("not_kept"), { wrong: true });
    return null;
  }
}

/** Sends what is in the composer. Returns whether there was something to send. */
export async function send(desk: Desk, how: Send): Promise<boolean> {
  const { writing } = desk;
  await writing.settled();
  if (writing.empty.value) {
    say(t("write_first"));
    writing.focus();
    return false;
  }
  const change = changeOf(desk, how);
  if (change && !(await queue(change, { from: writing.source() }))) {
    writing.takeBack();
    return false;
  }
  await writing.clear();
  // Whoever has gone elsewhere meanwhile stays there.
  const { activeElement } = document;
  if (!activeElement || activeElement === document.body || activeElement.closest(".composer")) writing.focus();
  return true;
}

/** The time at which a post is to come out: one of the future. */
export function scheduledFor(time: string): string | undefined {
  const at = fromField(time);
  return at && Date.parse(at) > Date.now() ? at : undefined;
}

function changeOf({ id: channel, writing }: Desk, how: Send): Change | null {
  const target = writing.target.value;
  const base = writing.base.value;
  const at = scheduledFor(writing.options.value.time);
  const then = how === "submit" ? ("submit" as const) : how === "publish" ? (at ? { at } : ("publish" as const)) : undefined;
  if (target.kind === "new") {
    if (how === "publish" && !at) return { kind: "post", channel, body: writing.body() };
    return { kind: "draft", channel, body: draftBody(writing.body(), at), then };
  }
  if (target.kind === "post") {
    const body = writing.patch(target.post);
    if (!Object.keys(body).length) return null;
    if (how === "publish") return { kind: "edit", channel, post: target.post.id, base, body, was: target.post };
    return { kind: "draft", channel, body: { ...draftBody(body, at), edits: target.post.id }, then };
  }
  const body = draftBody(writing.body(), at);
  return { kind: "draft-edit", channel, draft: target.draft.id, base, body, was: target.draft, then };
}

/** A draft can't be hidden. The time at which it comes out is not the draft's own. */
function draftBody({ show: _, created, ...body }: PostPatch, at: string | undefined): NewDraft {
  return { ...body, ...(created && !at ? { created } : {}) };
}

export function setFlags(desk: Desk, post: Post, body: Pick<PostPatch, "pinned" | "key_event" | "show">): void {
  void queue({ kind: "edit", channel: desk.id, post: post.id, base: post.revision, body, was: post });
  if (body.pinned !== undefined) say(t(body.pinned ? "said_pinned" : "said_unpinned"));
  if (body.key_event !== undefined) say(t(body.key_event ? "said_key" : "said_not_key"));
  if (body.show !== undefined) say(t(body.show ? "said_shown" : "said_hidden"));
}

/** Removes a post, after a while in which it can be undone. */
export function remove({ id: channel }: Desk, post: Post): Promise<void> {
  const change: Change = { kind: "delete", channel, post: post.id, base: post.revision, was: post };
  return removeLater(change, () => setTimeout(() => focusPost(post.id)));
}

export function removeDraft({ id: channel }: Desk, draft: Draft): Promise<void> {
  return removeLater({ kind: "draft-delete", channel, draft: draft.id, base: draft.modified, was: draft });
}

/** It is in the outbox from the beginning, so that closing the tab changes nothing. Whoever closes the notice has it sent at once. */
async function removeLater(change: Extract<Change, { kind: "delete" | "draft-delete" }>, undone?: () => void): Promise<void> {
  const { outbox } = program;
  const queued = queue(change, { notBefore: new Date(Date.now() + config.undo) });
  const undo = async (): Promise<void> => {
    const entry = await queued;
    if (!entry) return;
    await outbox.drop(entry.key);
    say(t("said_undone"));
    undone?.();
  };
  const close = toast(t("deleted", { title: titleOf(change.was.content, 30) }), {
    action: { label: t("undo"), run: () => void undo() },
    closed: () => void queued.then((entry) => entry && outbox.retry(entry.key)),
    ms: config.undo - 500,
  });
  if (!(await queued)) close();
}

export async function copyLink(desk: Desk, post: Post): Promise<void> {
  const link = linkTo(desk.id, post.id);
  try {
    await navigator.clipboard.writeText(link);
    toast(t("link_copied"));
  } catch {
    toast(link);
  }
}

/** Moves the focus to a post, so that keys and screen readers go on there. */
export function focusPost(id: string): boolean {
  const element = document.querySelector<HTMLElement>(`[data-post="${CSS.escape(id)}"]`);
  element?.focus();
  element?.scrollIntoView({ block: "nearest" });
  return element !== null;
}
