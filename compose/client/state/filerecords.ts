import type { ImageBlock } from "../model";
import type { Entry } from "./change";
import { filesOf } from "./change";
import type { Tx } from "./db";
import type { Problem } from "./types";

/** A file as the database has it. Its bytes are kept until the post is stored: the server may forget an image that no post uses. */
export interface FileRecord {
  /** Also the upload's Idempotency-Key. Whoever knows it can see the image, so it is hard to guess. */
  key: string;
  account: string;
  type: string;
  data: ArrayBuffer; // not a Blob: some browsers can't store those in private windows
  made: number;
  block?: ImageBlock;
  problem?: Problem;
  dropped?: number;
}

export function fileRecord(key: string, account: string, file: Blob, data: ArrayBuffer): FileRecord {
  return { key, account, type: file.type, data, made: Date.now() };
}

/** Returns the keys of all files that an entry of the outbox, or the text of a composer, has. */
export async function usedFiles(tx: Tx): Promise<Set<string>> {
  const used = new Set<string>();
  for (const entry of await tx.all<Entry>("entries")) filesOf(entry.change).forEach((key) => used.add(key));
  for (const slot of await tx.all<unknown>("kept")) findLocal(slot, used);
  return used;
}

/** Adds the keys of files that a value has anywhere. */
export function findLocal(value: unknown, found: Set<string>): void {
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (name === "local" && typeof inner === "string") found.add(inner);
    else findLocal(inner, found);
  }
}
