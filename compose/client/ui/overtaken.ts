import type { Post } from "../model";
import { program } from "../program";
import { newer } from "../state/api";
import { t } from "../words";
import { versionOf } from "./authorship";
import { wordsOf } from "./blocks";
import type { Desk } from "./desk";
import { openHistory } from "./history";
import { toast } from "./toasts";

/**
 * Tells whoever has changed a post that somebody else has changed it since: of two who edit at once, the one who was first knows nothing of
 * the other, who decides. Returns what ends it.
 */
export function tellOvertaken(desk: Desk): () => void {
  const mine = new Map<string, Post>(); // as they were made here
  const unlisten = program.outbox.onSettled(({ change, post }) => {
    if (change.kind === "edit" && change.channel === desk.id && change.body.content && post) mine.set(post.id, post);
  });
  const look = (): void => {
    for (const now of desk.posts.list.value ?? []) {
      const was = mine.get(now.id);
      if (!was || !newer(now.revision, was.revision) || wordsOf(now.content) === wordsOf(was.content)) continue;
      if (desk.entries.value.some(({ change }) => change.kind === "edit" && change.post === now.id)) continue; // it is being decided
      mine.delete(now.id);
      if (desk.writing.editing.value !== now.id) void tell(desk, now); // otherwise the composer does
    }
  };
  const stop = desk.posts.list.subscribe(() => void setTimeout(look)); // what has just been sent from here is known then
  return () => {
    unlisten();
    stop();
    mine.clear();
  };
}

async function tell(desk: Desk, post: Post): Promise<void> {
  const last = await versionOf(desk, post);
  if (last?.who === program.me.account.value) return; // from another tab
  const show = { label: t("show_post"), run: () => openHistory(desk, post) };
  toast(t("said_changed_since", { name: last?.name || t("somebody") }), { action: show, ms: Infinity }); // whoever looks elsewhere is told too
}
