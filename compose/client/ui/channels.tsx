import { useEffect, useRef, useState } from "preact/hooks";
import { config } from "../config";
import type { Channel } from "../model";
import { program } from "../program";
import { failureOf } from "../state/problem";
import type { Problem } from "../state/types";
import { number, t } from "../words";
import { AccessField } from "./channelsettings";
import { Dialog, openDialog } from "./dialog";
import { Icon } from "./icons";
import { shortcuts } from "./keys";
import { useReaders } from "./listreaders";
import { Badge, Loading } from "./parts";
import { problemText } from "./problems";
import { follow, followPeople, goTo, pathOf, peoplePath } from "./route";
import { openShortcuts } from "./shortcuts";
import { exactly, onDay } from "./times";
import { say, Toasts } from "./toasts";
import { Top } from "./top";

/** The list of channels: those that go on, then those that have ended. */
export function Channels() {
  const [search, setSearch] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [loaded, setLoaded] = useState(false);
  const { channels } = program;
  const load = (): void => {
    setProblem(null);
    channels.load().then(
      () => setLoaded(true),
      (err: unknown) => setProblem(failureOf(err).problem),
    );
  };
  useEffect(() => {
    load();
    return shortcuts([
      { keys: ["/"], about: "key_search", run: () => field.current?.focus() },
      { keys: ["n"], about: "key_new_channel", run: () => (program.me.can("", "write") ? openNew() : false) },
      { keys: ["j"], about: "key_next", run: () => step(1) },
      { keys: ["k"], about: "key_previous", run: () => step(-1) },
      { keys: ["?"], about: "key_help", run: () => openShortcuts() },
    ]);
  }, []);
  const wanted = search.trim().toLocaleLowerCase();
  const found = channels.list.value.filter(
    (c) => program.me.can(c.id, "draft") && (!wanted || c.title.toLocaleLowerCase().includes(wanted) || c.id.toLocaleLowerCase().includes(wanted)),
  );
  const newest = [...found].sort((a, b) => Date.parse(b.created) - Date.parse(a.created));
  const open = newest.filter((c) => !c.ended);
  const ended = newest.filter((c) => c.ended);
  useEffect(() => {
    if (wanted) void channels.find(wanted).catch(() => undefined);
  }, [wanted]);
  return (
    <div class="app">
      <Top />
      <main class="channels">
        <div class="channels-in">
          <div class="channels-head">
            <h1>{t("channels")}</h1>
            <div class="channels-do">
              {config.people && program.me.can("", "manage") && (
                <a class="button" href={peoplePath} onClick={followPeople}>
                  <Icon name="person" />
                  {t("people")}
                </a>
              )}
              {program.me.can("", "write") && (
                <button type="button" class="button button--main" onClick={openNew}>
                  <Icon name="plus" />
                  {t("new_channel")}
                </button>
              )}
            </div>
          </div>
          <div class="search">
            <Icon name="search" />
            <input
              ref={field}
              class="input"
              type="search"
              aria-label={t("search")}
              placeholder={t("search")}
              value={search}
              onInput={(e) => setSearch(e.currentTarget.value)}
              onKeyDown={(e) => {
                if (e.key === "Escape") e.currentTarget.blur();
                if (e.key === "Enter" && found[0]) goTo(found[0].id);
              }}
            />
          </div>
          {!loaded && !channels.list.value.length && <Loading problem={problemText(problem)} again={load} />}
          {loaded && !found.length && (
            <p class="empty">{wanted ? t("no_channel_found", { text: search.trim() }) : t("no_channels")}</p>
          )}
          <List list={open} />
          {ended.length > 0 && (
            <>
              <h2>{t("ended_channels")}</h2>
              <List list={ended} />
            </>
          )}
          {loaded && channels.more.value !== null && (
            <p class="more">
              <button type="button" class="button" onClick={() => void channels.loadMore().catch((err: unknown) => say(problemText(failureOf(err).problem)))}>
                {t("more")}
              </button>
            </p>
          )}
        </div>
      </main>
      <Toasts />
    </div>
  );
}

function List({ list }: { list: Channel[] }) {
  if (!list.length) return null;
  const counts = useReaders(list);
  return (
    <ul class="channel-list">
      {list.map((c) => (
        <li key={c.id}>
          <a class="channel" href={pathOf(c.id)} onClick={follow(c.id)} data-channel={c.id}>
            <span class="channel-title" dir="auto">
              {c.title}
            </span>
            <span class="channel-facts">
              <bdi>{c.id}</bdi>
              {c.access === "private" && <Badge icon="lock">{t("private")}</Badge>}
              <span>{c.ended ? t("ended_at", { time: onDay(c.ended) }) : t("began_at", { time: exactly(c.created) })}</span>
            </span>
            {counts[c.id] !== undefined && (
              <span class="channel-readers">
                <strong>{number(counts[c.id]!)}</strong> {t("readers_short")}
              </span>
            )}
          </a>
        </li>
      ))}
    </ul>
  );
}

/** Moves the focus along the list. */
function step(by: number): boolean {
  const all = [...document.querySelectorAll<HTMLElement>("[data-channel]")];
  const at = all.indexOf(document.activeElement as HTMLElement);
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by];
  next?.focus();
  return next !== undefined;
}

function openNew(): void {
  openDialog((close) => <NewChannel close={close} />);
}

/** Makes an ID of a title: the letters and digits that a path may have. */
export function idFor(title: string): string {
  return title
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60)
    .replace(/-+$/, "");
}

function NewChannel({ close }: { close(): void }) {
  const [title, setTitle] = useState("");
  const [own, setOwn] = useState<string | null>(null);
  const [access, setAccess] = useState<Channel["access"]>("public");
  const [wrong, setWrong] = useState<{ field: string; text: string } | null>(null);
  const [busy, setBusy] = useState(false);
  const id = own ?? idFor(title);
  const make = async (): Promise<void> => {
    if (busy) return;
    if (!title.trim()) return setWrong({ field: "title", text: t("title_missing") });
    if (!id) return setWrong({ field: "id", text: t("id_missing") });
    setBusy(true);
    try {
      await program.channels.make(id, title.trim(), access);
      close();
      goTo(id);
    } catch (err) {
      const { problem } = failureOf(err);
      setWrong({ field: problem.status === 409 ? "id" : (problem.field ?? ""), text: problem.status === 409 ? t("id_taken") : problemText(problem) });
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={t("new_channel")}
      close={close}
      foot={
        <>
          <button type="button" class="button" onClick={close}>
            {t("cancel")}
          </button>
          <button type="submit" form="new-channel" class="button button--main" aria-disabled={busy}>
            {t("make_channel")}
          </button>
        </>
      }
    >
      <form
        id="new-channel"
        class="form"
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          void make();
        }}
      >
        <div class="field">
          <label for="new-title">{t("channel_title")}</label>
          <input
            id="new-title"
            class="input"
            data-first
            dir="auto"
            autocomplete="off"
            value={title}
            maxLength={200}
            aria-invalid={wrong?.field === "title" ? "true" : undefined}
            aria-describedby="new-wrong"
            onInput={(e) => setTitle(e.currentTarget.value)}
          />
        </div>
        <div class="field">
          <label for="new-id">{t("channel_id")}</label>
          <input
            id="new-id"
            class="input"
            dir="ltr"
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            value={id}
            aria-invalid={wrong?.field === "id" ? "true" : undefined}
            aria-describedby="new-id-hint new-wrong"
            onInput={(e) => setOwn(e.currentTarget.value)}
          />
          <p class="hint" id="new-id-hint">
            {t("channel_id_hint")}
          </p>
        </div>
        <AccessField value={access} onChange={setAccess} />
        <p class="wrong" id="new-wrong" role="alert">
          {wrong?.text}
        </p>
      </form>
    </Dialog>
  );
}
