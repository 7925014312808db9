import { program } from "../program";
import { t } from "../words";
import type { Desk } from "./desk";
import { focusPost } from "./doings";
import { showTab } from "./route";
import { say, toast } from "./toasts";

const soonMs = 2_500;

/** Tells what became of the changes of this tab: sent, or waiting for the net. Returns what ends it. */
export function tellSettled(desk: Desk): () => void {
  const told = new Set<string>();
  const timers = new Map<string, ReturnType<typeof setTimeout>>();
  const unlisten = program.outbox.onSettled(({ key, change, post, draft }) => {
    clearTimeout(timers.get(key));
    timers.delete(key);
    if (change.channel !== desk.id) return;
    if (change.kind === "post" && post) {
      const show = { label: t("show_post"), run: () => (showTab("posts"), void setTimeout(() => focusPost(post.id))) };
      toast(t("said_published"), { action: show, ms: 4_000 });
    } else if (change.kind === "edit" && change.body.content) toast(t("said_saved"), { ms: 3_000 });
    else if (change.kind === "draft-publish") toast(t("said_published"), { ms: 4_000 });
    else if (change.kind === "draft" || change.kind === "draft-edit") toast(t(draft?.state === "published" ? "said_published" : draftWords[draft?.state ?? "draft"] ?? "said_draft"), { ms: 4_000 });
    else if (change.kind === "draft-submit") toast(t("said_submitted"), { ms: 4_000 });
    else if (change.kind === "draft-schedule") toast(t("said_scheduled"), { ms: 4_000 });
  });
  // Whatever is not sent within a moment waits for the net: that is told once.
  const stop = program.outbox.entries.subscribe((entries) => {
    for (const e of entries) {
      if (told.has(e.key) || e.change.channel !== desk.id || e.notBefore) continue;
      if (e.state === "refused" || e.state === "conflict") {
        told.add(e.key);
        toast(t(e.state === "refused" ? "said_refused" : "said_conflict"), {
          wrong: true,
          action: { label: t("show_post"), run: () => showWaiting(e.key) },
        });
      } else if (!timers.has(e.key)) {
        timers.set(
          e.key,
          setTimeout(() => {
            const still = program.outbox.entries.value.find((o) => o.key === e.key);
            if (still?.state === "waiting" || still?.state === "sending") say(t("said_waits"));
          }, soonMs),
        );
      }
    }
  });
  return () => {
    unlisten();
    stop();
    timers.forEach((timer) => clearTimeout(timer));
  };
}

const draftWords: Record<string, string> = { submitted: "said_submitted", scheduled: "said_scheduled", draft: "said_draft" };

function showWaiting(key: string): void {
  showTab("posts");
  setTimeout(() => document.querySelector<HTMLElement>(`[data-waiting="${CSS.escape(key)}"]`)?.focus());
}
