import type { Post } from "../model";
import { failureOf } from "../state/problem";
import type { Version } from "../state/types";
import type { Desk } from "./desk";

const firstMs = 250;
const lastMs = 8_000;

/**
 * Returns the version that a post is; undefined if it is not known. The server writes who made it after the post itself, and readers may
 * have the post before that: while the name is missing, it is asked for again.
 */
export async function versionOf(desk: Desk, post: Post): Promise<Version | undefined> {
  for (let wait = firstMs; ; wait *= 2) {
    let last: Version | undefined;
    try {
      const { versions } = await desk.versions.list(post.id);
      const one = versions.find((v) => String(v.revision) === post.revision);
      if (one?.who) return one;
      last = one ?? versions[0];
    } catch (err) {
      if (failureOf(err).kind === "refused") return undefined;
    }
    if (wait > lastMs) return last;
    await new Promise((done) => setTimeout(done, wait));
  }
}

/** Returns the name of whoever wrote a version; empty if it is not known. */
export async function whoWrote(desk: Desk, post: Post): Promise<string> {
  return (await versionOf(desk, post))?.name ?? "";
}
