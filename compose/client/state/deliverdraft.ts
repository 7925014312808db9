import { channelPath, draftPath, isAbsent, type Answer } from "./api";
import type { Change, Entry } from "./change";
import type { Deliveries, Outcome } from "./deliver";
import { Failure, failureOf } from "./problem";
import { changedFields, clash, same } from "./same";
import type { Draft, DraftStep } from "./types";

type Of<K extends Change["kind"]> = Extract<Change, { kind: K }>;
type OnDraft = Exclude<Change, { kind: "post" | "edit" | "delete" | "draft" }>;

/** The server knows the Idempotency-Key of a draft for a day. */
const knownMs = 23 * 3_600_000;
const most = 5;

/** Makes a draft, and takes the step that follows. */
export async function deliverDraft(d: Deliveries, e: Entry, c: Of<"draft">, again: boolean, signal: AbortSignal): Promise<Outcome> {
  let draft: Draft | undefined;
  if (!e.draft) {
    if (again && e.sent && Date.now() - Date.parse(e.sent.at) > knownMs) {
      throw new Failure("refused", { status: 0, title: "unsure", detail: "the draft may be there already: look before you send it again" });
    }
    let made: Answer<Draft>;
    try {
      made = await d.api.send<Draft>("POST", `${channelPath(c.channel)}/drafts`, { body: c.body, key: e.key, signal });
    } catch (err) {
      if (failureOf(err).status === 410) return { kind: "conflict", theirDraft: null };
      throw err;
    }
    draft = made.value;
    if (made.status === 200) {
      if (e.sent?.turn !== e.turn) return { kind: "done", draft, stale: true };
      if (draft.modified !== draft.drafted && c.then && !reached(c.then, draft, true)) return { kind: "conflict", theirDraft: draft };
    }
    e.draft = seen(made);
    await d.note(e);
  }
  if (c.then) return step(d, c.channel, e, c.then, again, signal);
  return { kind: "done", draft: draft ?? (await current(d, c.channel, e.draft.id, signal))?.value ?? null };
}

/** Changes a draft that is there. */
export async function deliverDraftChange(d: Deliveries, e: Entry, c: OnDraft, again: boolean, signal: AbortSignal): Promise<Outcome> {
  if (!e.draft) {
    const now = await current(d, c.channel, c.draft, signal);
    if (!now) return c.kind === "draft-delete" ? { kind: "done", draft: null } : { kind: "conflict", theirDraft: null };
    const changed = now.value.modified !== c.base;
    if (changed && c.kind !== "draft-edit" && !rewritten(c, now.value)) return { kind: "conflict", theirDraft: now.value };
    e.draft = seen(now);
    await d.note(e);
  }
  switch (c.kind) {
    case "draft-edit":
      return edit(d, e, c, again, signal);
    case "draft-delete":
      return remove(d, e, c, signal);
    case "draft-submit":
      return step(d, c.channel, e, "submit", again, signal);
    case "draft-publish":
      return step(d, c.channel, e, "publish", again, signal);
    case "draft-unschedule":
      return step(d, c.channel, e, "unschedule", again, signal);
    case "draft-schedule":
      return step(d, c.channel, e, { at: c.at }, again, signal);
    case "draft-return":
      return step(d, c.channel, e, { note: c.note }, again, signal);
  }
}

/** Whether a draft that has changed already is as this change wants it. */
function rewritten(c: OnDraft, now: Draft): boolean {
  switch (c.kind) {
    case "draft-submit":
      return reached("submit", now, false);
    case "draft-publish":
      return reached("publish", now, false);
    case "draft-unschedule":
      return reached("unschedule", now, false);
    case "draft-schedule":
      return reached({ at: c.at }, now, false);
    case "draft-return":
      return reached({ note: c.note }, now, false);
    default:
      return false;
  }
}

async function edit(d: Deliveries, e: Entry, c: Of<"draft-edit">, again: boolean, signal: AbortSignal): Promise<Outcome> {
  const body = changedFields(c.body, c.was);
  let draft: Draft | null = null;
  for (let n = 0; !e.draft?.edited; n++) {
    const held = e.draft as NonNullable<Entry["draft"]>;
    const mine = held.modified === c.base;
    try {
      if (!mine) throw new Failure("refused", { status: 412, title: "changed" });
      const answer = await d.api.send<Draft>("PATCH", draftPath(c.channel, c.draft), { body, match: held.etag, signal });
      draft = answer.value;
      e.draft = { ...seen(answer), edited: true };
      await d.note(e);
    } catch (err) {
      const now = await nowOf(d, c.channel, c.draft, err, signal);
      if (!now) return { kind: "conflict", theirDraft: null };
      const open = now.value.state !== "published" && now.value.state !== "publishing";
      if (!open || failureOf(err).status === 409 || clash(body, c.was, now.value) || n === most) {
        return { kind: "conflict", theirDraft: now.value };
      }
      c = { ...c, base: now.value.modified };
      e.draft = seen(now);
    }
  }
  if (c.then) return step(d, c.channel, e, c.then, again, signal);
  return { kind: "done", draft: draft ?? (await current(d, c.channel, c.draft, signal))?.value ?? null };
}

async function remove(d: Deliveries, e: Entry, c: Of<"draft-delete">, signal: AbortSignal): Promise<Outcome> {
  for (let n = 0; ; n++) {
    try {
      await d.api.send("DELETE", draftPath(c.channel, c.draft), { match: e.draft?.etag, signal });
      return { kind: "done", draft: null };
    } catch (err) {
      if (isAbsent(err)) return { kind: "done", draft: null };
      const now = await nowOf(d, c.channel, c.draft, err, signal);
      if (!now) return { kind: "done", draft: null };
      if (now.value.modified !== c.base || failureOf(err).status === 409 || n === most) return { kind: "conflict", theirDraft: now.value };
      e.draft = seen(now);
    }
  }
}

type Step = DraftStep | "unschedule" | { note: string };

/** Takes one step with the draft that the entry has noted. */
async function step(d: Deliveries, channel: string, e: Entry, what: Step, again: boolean, signal: AbortSignal): Promise<Outcome> {
  const name = typeof what === "string" ? what : "at" in what ? "schedule" : "return";
  const body = typeof what === "string" ? {} : what;
  for (let n = 0; ; n++) {
    const held = e.draft as NonNullable<Entry["draft"]>;
    const path = draftPath(channel, held.id);
    try {
      const answer = await d.api.send<Draft>("POST", `${path}/${name}`, { body, match: held.etag, signal });
      return { kind: "done", draft: answer.value };
    } catch (err) {
      const now = await nowOf(d, channel, held.id, err, signal, "at");
      if (!now) return { kind: "conflict", theirDraft: null };
      if (reached(what, now.value, again)) return { kind: "done", draft: now.value };
      const { status } = failureOf(err);
      if (status === 400) throw err;
      if (status === 409 || now.value.modified !== held.modified || n === most) return { kind: "conflict", theirDraft: now.value };
      e.draft = { ...held, etag: now.etag }; // another version, in which nothing that a person sees has changed
    }
  }
}

/**
 * Whether a draft is as a step makes it, or further. again says that the step may have been taken, and the answer lost. Then what an
 * editor has done with the draft since is no conflict.
 */
function reached(what: Step, now: Draft, again: boolean): boolean {
  const out = now.state === "published" || now.state === "publishing";
  if (what === "submit") return out || now.state === "submitted" || now.state === "scheduled" || (again && now.state === "returned");
  if (what === "publish") return out;
  if (what === "unschedule") return now.state === "submitted";
  if ("at" in what) return (out || now.state === "scheduled") && same("created", now.at, what.at);
  return now.state === "returned" && now.note === what.note.trim();
}

function seen({ value, etag }: Answer<Draft>): NonNullable<Entry["draft"]> {
  return { id: value.id, modified: value.modified, etag };
}

async function current(d: Deliveries, channel: string, id: string, signal: AbortSignal): Promise<Answer<Draft> | null> {
  try {
    return await d.api.get<Draft>(draftPath(channel, id), signal);
  } catch (err) {
    if (!isAbsent(err)) throw err;
    await d.api.get(channelPath(channel), signal); // a channel that is not there is another thing to say
    return null;
  }
}

/** Returns the draft as it is now if err says that it is not what the writer saw. Rejects with any other err. */
async function nowOf(d: Deliveries, channel: string, id: string, err: unknown, signal: AbortSignal, field = ""): Promise<Answer<Draft> | null> {
  const { kind, status, problem } = failureOf(err);
  const changed = status === 409 || status === 412 || status === 404 || (status === 400 && field !== "" && problem.field === field);
  if (kind !== "refused" || !changed) throw err;
  return current(d, channel, id, signal);
}
