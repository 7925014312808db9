import { program } from "../program";
import type { Change, Entry } from "../state/change";
import { t } from "../words";
import { Blocks, titleOf } from "./blocks";
import { openConflict } from "./conflict";
import type { Desk } from "./desk";
import { Badge, Time } from "./parts";
import { problemText, waitsFor } from "./problems";
import { exactly } from "./times";
import { toast } from "./toasts";

/** A change that is not sent yet, with what to do about it. */
export function WaitingCard({ desk, entry }: { desk: Desk; entry: Entry }) {
  const { change, state } = entry;
  const bad = state === "conflict" || state === "refused";
  const mine = entry.account === program.me.account.value;
  const content = contentOf(change);
  return (
    <article class={bad ? "waiting waiting--bad" : "waiting"} tabIndex={-1} data-waiting={entry.key} aria-label={whatOf(change)}>
      <div class="waiting-what">
        {state === "waiting" && <Badge icon="clock" kind="wait">{t("waits")}</Badge>}
        {state === "sending" && <Badge icon="clock" kind="wait">{t("sending")}</Badge>}
        {state === "refused" && <Badge icon="close" kind="bad">{t("refused")}</Badge>}
        {state === "conflict" && <Badge icon="history" kind="bad">{t("conflict")}</Badge>}
        <span>{whatOf(change)}</span>
        <Time at={entry.made} />
      </div>
      {content && <Blocks content={content} />}
      <p class="waiting-why">{whyOf(entry, mine)}</p>
      <div class="waiting-do">
        {state === "conflict" && mine && (
          <button type="button" class="button button--main" onClick={() => openConflict(desk, entry)}>
            {t("compare")}
          </button>
        )}
        {state === "refused" && mine && (
          <button type="button" class="button button--main" onClick={() => void program.outbox.retry(entry.key)}>
            {t("try_again")}
          </button>
        )}
        {state !== "sending" && content && (
          <button type="button" class="button" onClick={() => void copyBack(desk, entry)}>
            {t("back_to_composer")}
          </button>
        )}
        {state !== "sending" && (
          <button type="button" class="button button--plain" onClick={() => drop(entry)}>
            {t("throw_away")}
          </button>
        )}
      </div>
    </article>
  );
}

export function contentOf(change: Change) {
  return "body" in change ? (change.body.content ?? null) : null;
}

/** Says what a change does, such as "Change of “…”". */
export function whatOf(change: Change): string {
  const title = titleOf(contentOf(change) ?? ("was" in change ? change.was.content : []), 40);
  switch (change.kind) {
    case "post":
      return t("what_post");
    case "draft":
      return typeof change.then === "object" ? t("what_schedule", { time: exactly(change.then.at) }) : t("what_draft");
    case "edit":
      return t("what_edit", { title });
    case "delete":
    case "draft-delete":
      return t("what_delete", { title });
    default:
      return t("what_draft_change", { title });
  }
}

function whyOf(entry: Entry, mine: boolean): string {
  if (!mine) return t("why_account");
  switch (entry.state) {
    case "conflict":
      return entry.theirs === null || entry.theirDraft === null ? t("why_gone") : t("why_conflict");
    case "refused":
      return problemText(entry.problem);
    default:
      if (!entry.kept) return t("why_memory");
      return entry.problem ? waitsFor(entry.problem) : "";
  }
}

/** Takes a change out of the outbox, and puts its text into the composer, unless something else is in there. */
async function copyBack(desk: Desk, entry: Entry): Promise<void> {
  const { writing } = desk;
  const { change } = entry;
  const content = contentOf(change);
  if (!content) return;
  if (writing.changed.value) return void toast(t("composer_full"), { wrong: true });
  if (change.kind === "edit") await writing.open({ kind: "post", post: change.was });
  else if (change.kind === "draft-edit") await writing.open({ kind: "draft", draft: change.was });
  writing.replace(writing.target.value, content);
  if ("body" in change && change.body.author) writing.set({ author: change.body.author });
  await writing.keep();
  await program.outbox.drop(entry.key);
  writing.focus();
}

/** Throws a change away. It can be taken back for some seconds. */
function drop({ key }: Entry): void {
  void program.outbox.drop(key).then(() =>
    toast(t("thrown_away"), { action: { label: t("undo"), run: () => void program.outbox.putBack(key) } }),
  );
}
