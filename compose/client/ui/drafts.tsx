import { useState } from "preact/hooks";
import { program } from "../program";
import type { Draft, DraftState } from "../state/types";
import { t } from "../words";
import { Blocks, titleOf } from "./blocks";
import type { Desk } from "./desk";
import { Dialog, openDialog } from "./dialog";
import { queue, removeDraft } from "./doings";
import { Icon } from "./icons";
import { Badge, Loading, Time } from "./parts";
import { problemText } from "./problems";
import { showTab } from "./route";
import { exactly, fromField, toField } from "./times";
import { toast } from "./toasts";

/** The groups, in the order in which somebody has to do something about them. */
const groups: { key: string; of: (d: Draft, mine: boolean) => boolean }[] = [
  { key: "drafts_returned", of: (d, mine) => d.state === "returned" && mine },
  { key: "drafts_submitted", of: (d) => d.state === "submitted" },
  { key: "drafts_scheduled", of: (d) => d.state === "scheduled" || d.state === "publishing" },
  { key: "drafts_own", of: (d, mine) => d.state === "draft" && mine },
  { key: "drafts_others", of: (d, mine) => (d.state === "draft" || d.state === "returned") && !mine },
];

/** The drafts of the channel that are not published: contributors see their own, editors all. */
export function Drafts({ desk }: { desk: Desk }) {
  const { drafts } = desk;
  const who = program.me.account.value;
  const gone = new Set(desk.entries.value.flatMap((e) => (e.change.kind === "draft-delete" && e.state === "waiting" ? [e.change.draft] : [])));
  const list = (drafts.list.value ?? []).filter((d) => !gone.has(d.id));
  if (!list.length) {
    if (!drafts.list.value) {
      return (
        <div class="list">
          <Loading problem={problemText(drafts.problem.value)} again={() => void drafts.refresh()} />
        </div>
      );
    }
    return (
      <div class="list">
        <p class="empty">{desk.may("write") ? t("no_drafts") : t("no_drafts_own")}</p>
      </div>
    );
  }
  return (
    <div class="list">
      {groups.map(({ key, of }) => {
        const here = list.filter((d) => of(d, d.by.who === who));
        if (!here.length) return null;
        if (key === "drafts_scheduled") here.sort((a, b) => Date.parse(a.at ?? "") - Date.parse(b.at ?? ""));
        return (
          <section key={key} aria-label={t(key)}>
            <h3>
              {t(key)} <span class="count">{here.length}</span>
            </h3>
            {here.map((d) => (
              <DraftCard key={d.id} desk={desk} draft={d} mine={d.by.who === who} />
            ))}
          </section>
        );
      })}
    </div>
  );
}

async function open(desk: Desk, draft: Draft): Promise<void> {
  showTab("write");
  await desk.writing.open({ kind: "draft", draft });
  desk.writing.focus();
}

function DraftCard({ desk, draft, mine }: { desk: Desk; draft: Draft; mine: boolean }) {
  const { state } = draft;
  const others = desk.others.value.filter((o) => o.draft === draft.id);
  return (
    <article class="draft" data-draft={draft.id} tabIndex={-1} aria-label={titleOf(draft.content)}>
      <div class="post-facts">
        {state === "scheduled" && draft.at ? (
          <>
            <Icon name="clock" />
            <span>{t("comes_out", { time: exactly(draft.at) })}</span>
          </>
        ) : (
          <Time at={draft.modified} />
        )}
        <bdi class="post-author">{mine ? t("you") : draft.by.name}</bdi>
        {draft.edits && <Badge icon="edit">{t("proposal")}</Badge>}
        {draft.pinned && <Badge icon="pin" kind="pin">{t("pinned")}</Badge>}
        {draft.key_event && <Badge icon="star" kind="key">{t("key_event")}</Badge>}
        {state === "publishing" && <Badge icon="clock" kind="wait">{t("publishing")}</Badge>}
        {others.map((o) => (
          <span class="post-who" key={o.who + o.tab}>
            <Icon name="edit" />
            {t("edits_this", { name: o.name })}
          </span>
        ))}
      </div>
      {draft.note && state === "returned" && (
        <p class="draft-note" dir="auto">
          {draft.note}
        </p>
      )}
      <Blocks content={draft.content} />
      {state !== "publishing" && <Actions desk={desk} draft={draft} mine={mine} />}
    </article>
  );
}

/** What a role may do with a draft in a state. */
function Actions({ desk, draft, mine }: { desk: Desk; draft: Draft; mine: boolean }) {
  const write = desk.may("write");
  const open_ = draft.state !== "scheduled";
  const at = { channel: desk.id, draft: draft.id, base: draft.modified, was: draft };
  const handed: DraftState[] = ["submitted", "returned", "draft"];
  return (
    <div class="draft-do">
      {write && open_ && (
        <button type="button" class="button button--main" onClick={() => void queue({ kind: "draft-publish", ...at })}>
          {t("publish")}
        </button>
      )}
      {!write && mine && (draft.state === "draft" || draft.state === "returned") && (
        <button type="button" class="button button--main" onClick={() => void queue({ kind: "draft-submit", ...at })}>
          {t("submit")}
        </button>
      )}
      {(write || (mine && open_)) && (
        <button type="button" class="button" onClick={() => void open(desk, draft)}>
          {t("edit")}
        </button>
      )}
      {write && draft.state === "submitted" && (
        <button type="button" class="button" onClick={() => openReturn(desk, draft)}>
          {t("return")}
        </button>
      )}
      {write && handed.includes(draft.state) && (
        <button type="button" class="button" onClick={() => openSchedule(desk, draft)}>
          {t("schedule")}
        </button>
      )}
      {write && draft.state === "scheduled" && (
        <button type="button" class="button" onClick={() => void queue({ kind: "draft-unschedule", ...at })}>
          {t("unschedule")}
        </button>
      )}
      {(write || (mine && open_)) && (
        <button type="button" class="button button--plain" onClick={() => void removeDraft(desk, draft)}>
          {t("delete")}
        </button>
      )}
    </div>
  );
}

function openReturn(desk: Desk, draft: Draft): void {
  openDialog((close) => <Return desk={desk} draft={draft} close={close} />);
}

function Return({ desk, draft, close }: { desk: Desk; draft: Draft; close(): void }) {
  const [note, setNote] = useState("");
  const send = (): void => {
    close();
    const at = { channel: desk.id, draft: draft.id, base: draft.modified, was: draft };
    void queue({ kind: "draft-return", ...at, note: note.trim() }).then((e) => e && toast(t("said_returned", { name: draft.by.name })));
  };
  return (
    <Dialog
      title={t("return_title")}
      close={close}
      foot={
        <>
          <button type="button" class="button" onClick={close}>
            {t("cancel")}
          </button>
          <button type="button" class="button button--main" onClick={send}>
            {t("return")}
          </button>
        </>
      }
    >
      <div class="field">
        <label for="return-note">{t("return_note", { name: draft.by.name })}</label>
        <textarea id="return-note" class="input" data-first dir="auto" value={note} onInput={(e) => setNote(e.currentTarget.value)} />
      </div>
    </Dialog>
  );
}

export function openSchedule(desk: Desk, draft: Draft): void {
  openDialog((close) => <Schedule desk={desk} draft={draft} close={close} />);
}

function Schedule({ desk, draft, close }: { desk: Desk; draft: Draft; close(): void }) {
  const [time, setTime] = useState(() => toField(new Date(Math.ceil((Date.now() + 3_600_000) / 300_000) * 300_000).toISOString()));
  const [wrong, setWrong] = useState("");
  const send = (): void => {
    const at = fromField(time);
    if (!at || Date.parse(at) <= Date.now()) return setWrong(t("time_past"));
    close();
    void queue({ kind: "draft-schedule", channel: desk.id, draft: draft.id, base: draft.modified, was: draft, at });
  };
  return (
    <Dialog
      title={t("schedule_title")}
      close={close}
      foot={
        <>
          <button type="button" class="button" onClick={close}>
            {t("cancel")}
          </button>
          <button type="button" class="button button--main" onClick={send}>
            {t("schedule")}
          </button>
        </>
      }
    >
      <div class="field">
        <label for="schedule-at">{t("schedule_at")}</label>
        <input
          id="schedule-at"
          class="input"
          type="datetime-local"
          data-first
          value={time}
          aria-invalid={wrong ? "true" : undefined}
          aria-describedby="schedule-wrong"
          onInput={(e) => setTime(e.currentTarget.value)}
        />
        <p id="schedule-wrong" class="wrong" role="alert">
          {wrong}
        </p>
      </div>
    </Dialog>
  );
}
