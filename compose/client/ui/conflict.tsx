import { useEffect, useState } from "preact/hooks";
import type { Block, Post } from "../model";
import { program } from "../program";
import type { Entry } from "../state/change";
import type { Draft } from "../state/types";
import { t } from "../words";
import { whoWrote } from "./authorship";
import { wordsOf } from "./blocks";
import type { Desk } from "./desk";
import { compare, Side } from "./difference";
import { Dialog, openDialog } from "./dialog";
import { contentOf } from "./waiting";
import { Time } from "./parts";
import { showTab } from "./route";
import { say } from "./toasts";

interface Versions {
  title: string;
  about: string;
  mine: Block[] | null; // null: to be deleted
  theirs: Block[] | null; // null: was deleted
  theirTime?: string;
  /** Who wrote the other version, if that is known. */
  who?: () => Promise<string>;
  choices: { label: string; main?: boolean; run(): unknown }[];
}

/** Shows a change of the outbox that met another one, with both versions. Nothing is lost until the person decides. */
export function openConflict(desk: Desk, entry: Entry): void {
  const { change } = entry;
  const done = (text: string): void => say(t(text));
  if (change.kind === "edit") {
    const theirs = entry.theirs ?? null;
    const mine = change.body.content ?? change.was.content;
    showBoth({
      title: t("conflict_title"),
      about: theirs ? t("conflict_about") : t("conflict_gone"),
      mine,
      theirs: theirs?.content ?? null,
      theirTime: theirs?.modified,
      who: theirs ? () => whoWrote(desk, theirs) : undefined,
      choices: theirs
        ? [
            {
              label: t("take_mine"),
              main: true,
              run: async () => {
                await program.outbox.replace(entry.key, { ...change, base: theirs.revision, was: theirs });
                done("said_mine");
              },
            },
            { label: t("edit_mine"), run: () => editFurther(desk, entry, theirs, mine) },
            { label: t("take_theirs"), run: () => program.outbox.drop(entry.key).then(() => done("said_theirs")) },
          ]
        : [
            {
              label: t("publish_again"),
              main: true,
              run: () =>
                program.outbox.replace(entry.key, {
                  kind: "post",
                  channel: desk.id,
                  body: { content: mine, author: change.body.author ?? change.was.author, key_event: change.was.key_event },
                }),
            },
            { label: t("leave_deleted"), run: () => program.outbox.drop(entry.key) },
          ],
    });
    return;
  }
  if (change.kind === "delete") {
    const theirs = entry.theirs ?? null;
    showBoth({
      title: t("conflict_title"),
      about: t("conflict_delete"),
      mine: null,
      theirs: theirs?.content ?? null,
      theirTime: theirs?.modified,
      who: theirs ? () => whoWrote(desk, theirs) : undefined,
      choices: [
        {
          label: t("delete_anyway"),
          main: true,
          run: () => (theirs ? program.outbox.replace(entry.key, { ...change, base: theirs.revision, was: theirs }) : program.outbox.drop(entry.key)),
        },
        { label: t("keep_post"), run: () => program.outbox.drop(entry.key) },
      ],
    });
    return;
  }
  if (!("draft" in change)) return;
  const theirs: Draft | null = entry.theirDraft ?? null;
  showBoth({
    title: t("conflict_title"),
    about: theirs ? t("conflict_draft") : t("conflict_draft_gone"),
    mine: contentOf(change) ?? change.was.content,
    theirs: theirs?.content ?? null,
    theirTime: theirs?.modified,
    choices: [
      theirs
        ? {
            label: t("take_mine"),
            main: true,
            run: () => program.outbox.replace(entry.key, { ...change, base: theirs.modified, was: theirs }),
          }
        : {
            label: t("save_as_draft"),
            main: true,
            run: () =>
              program.outbox.replace(entry.key, {
                kind: "draft",
                channel: desk.id,
                body: { content: contentOf(change) ?? change.was.content, author: change.was.author },
              }),
          },
      { label: theirs ? t("take_theirs") : t("throw_away"), run: () => program.outbox.drop(entry.key) },
    ],
  });
}

/** Shows what somebody else has made of the post that is being edited here. */
export function openTheirs(desk: Desk, theirs: Post | null): void {
  const { writing } = desk;
  showBoth({
    title: t("theirs_title"),
    about: theirs ? t("theirs_about") : t("theirs_gone"),
    mine: writing.content(),
    theirs: theirs?.content ?? null,
    theirTime: theirs?.modified,
    who: theirs ? () => whoWrote(desk, theirs) : undefined,
    choices: theirs
      ? [
          {
            label: t("go_on_mine"),
            main: true,
            run: () => {
              writing.rebase({ kind: "post", post: theirs });
              writing.focus();
            },
          },
          {
            label: t("take_theirs"),
            run: () => {
              writing.replace({ kind: "post", post: theirs }, theirs.content);
              writing.focus();
            },
          },
        ]
      : [
          {
            label: t("as_new_post"),
            main: true,
            run: () => {
              const text = writing.content();
              void writing.clear().then(() => writing.replace({ kind: "new" }, text));
            },
          },
          { label: t("throw_away"), run: () => void writing.clear() },
        ],
  });
}

async function editFurther(desk: Desk, entry: Entry, theirs: Post, mine: Block[]): Promise<void> {
  showTab("write");
  await desk.writing.open({ kind: "post", post: theirs });
  desk.writing.replace({ kind: "post", post: theirs }, mine);
  await desk.writing.keep();
  await program.outbox.drop(entry.key);
  desk.writing.focus();
}

function showBoth(v: Versions): void {
  openDialog((close) => <Both v={v} close={close} />);
}

function Both({ v, close }: { v: Versions; close(): void }) {
  const [name, setName] = useState("");
  useEffect(() => {
    v.who?.().then(setName, () => undefined);
  }, []);
  const left = v.mine ? wordsOf(v.mine) : "";
  const right = v.theirs ? wordsOf(v.theirs) : "";
  const pieces = v.mine && v.theirs ? compare(left, right) : [{ text: left || right, in: v.mine ? ("left" as const) : ("right" as const) }];
  return (
    <Dialog
      wide
      read
      title={v.title}
      close={close}
      foot={v.choices.map((c) => (
        <button
          key={c.label}
          type="button"
          class={c.main ? "button button--main" : "button"}
          onClick={() => {
            close();
            void c.run();
          }}
        >
          {c.label}
        </button>
      ))}
    >
      <p>{v.about}</p>
      <div class="both">
        <section aria-label={t("yours")}>
          <h3>{t("yours")}</h3>
          {v.mine ? <Side pieces={pieces} side="left" /> : <p class="hint">{t("to_delete")}</p>}
        </section>
        <section aria-label={t("theirs")}>
          <h3>{name ? t("theirs_of", { name }) : t("theirs")}</h3>
          {v.theirTime && (
            <p class="hint">
              <Time at={v.theirTime} />
            </p>
          )}
          {v.theirs ? <Side pieces={pieces} side="right" /> : <p class="hint">{t("was_deleted")}</p>}
        </section>
      </div>
    </Dialog>
  );
}
