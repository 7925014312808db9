import type { Block, ImageBlock, Post } from "../model";
import type { Api } from "./api";
import { filesOf, type Change, type Entry } from "./change";
import { deliverDraft, deliverDraftChange } from "./deliverdraft";
import { deliverDelete, deliverEdit, deliverPost } from "./deliverpost";
import type { FileStore } from "./files";
import { Failure, failureOf } from "./problem";
import type { Draft } from "./types";

/**
 * What came of a delivery.
 *
 * - done: the server has it. stale: what it has may be an older text of the same entry.
 * - conflict: somebody else has changed or removed the same.
 */
export type Outcome =
  | { kind: "done"; post?: Post | null; draft?: Draft | null; stale?: boolean }
  | { kind: "conflict"; theirs?: Post | null; theirDraft?: Draft | null };

export interface Deliveries {
  api: Api;
  files: FileStore;
  /** Whose entry it is. */
  account: string;
  /** Writes what a step has made into the entry, on the disk. */
  note(e: Entry): Promise<void>;
}

/** Sends one change. again says that an attempt before may have reached the server. Rejects with a Failure. */
export async function deliver(d: Deliveries, e: Entry, again: boolean, signal: AbortSignal): Promise<Outcome> {
  for (let n = 0; ; n++) {
    const { change, locals } = await withImages(d, e.change, signal);
    try {
      return await send(d, { ...e, change }, again, signal);
    } catch (err) {
      const failure = failureOf(err);
      const lost = /^content\[(\d+)\]\.value\.media$/.exec(failure.problem.field ?? "");
      const key = lost && failure.status === 400 ? locals.get(Number(lost[1])) : undefined;
      if (!key || n > 2) throw failure;
      await d.files.again(key); // the upload was so long ago that the server has removed the image
    }
  }
}

function send(d: Deliveries, e: Entry, again: boolean, signal: AbortSignal): Promise<Outcome> {
  const c = e.change;
  switch (c.kind) {
    case "post":
      return deliverPost(d, e, c, signal);
    case "edit":
      return deliverEdit(d, c, signal);
    case "delete":
      return deliverDelete(d, c, signal);
    case "draft":
      return deliverDraft(d, e, c, again, signal);
    default:
      return deliverDraftChange(d, e, c, again, signal);
  }
}

/** Returns a change whose images are the server's, and the keys of their files by the blocks' places. */
async function withImages(d: Deliveries, change: Change, signal: AbortSignal): Promise<{ change: Change; locals: Map<number, string> }> {
  const locals = new Map<number, string>();
  if (!("body" in change) || !filesOf(change).length) return { change, locals };
  const content: Block[] = [];
  for (const [i, block] of (change.body.content ?? []).entries()) {
    const key = block.type === "image" ? block.value.local : undefined;
    if (!key) {
      content.push(block);
      continue;
    }
    locals.set(i, key);
    const image = await d.files.ready(key, signal);
    content.push(imageOf(image, (block as ImageBlock).value.alt));
  }
  return { change: { ...change, body: { ...change.body, content } } as Change, locals };
}

function imageOf(image: ImageBlock, alt: string): ImageBlock {
  const { media } = image.value;
  if (!media) throw new Failure("refused", { status: 0, title: "image", detail: "the server has not said which image it is" });
  return { type: "image", value: { media, alt } };
}
