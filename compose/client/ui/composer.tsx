import { useEffect, useRef, useState } from "preact/hooks";
import { createEditor, type Editor } from "../editor/editor";
import type { Block, Post } from "../model";
import { program } from "../program";
import { t } from "../words";
import { whoWrote } from "./authorship";
import { titleOf } from "./blocks";
import { openTheirs } from "./conflict";
import type { Desk } from "./desk";
import { scheduledFor, send, type Send } from "./doings";
import { Icon } from "./icons";
import { Menu } from "./menu";
import { Badge } from "./parts";
import { Preview } from "./preview";
import { exactly } from "./times";
import { toast } from "./toasts";
import { Toolbar } from "./toolbar";
import { idOf } from "./target";

/** Where posts are written. */
export function Composer({ desk }: { desk: Desk }) {
  const place = useRef<HTMLDivElement>(null);
  const { writing } = desk;
  const editor = writing.editor.value;

  useEffect(() => {
    const make = (content: Block[]): Editor => {
      const made = createEditor({
        content,
        label: t("text"),
        files: program.files,
        onChange: () => writing.textChanged(),
        onSubmit: () => void send(desk, mainOf(desk)),
      });
      made.element.id = "composer-text";
      place.current!.replaceChildren(made.element);
      return made;
    };
    void writing.attach(make);
    return () => writing.detach();
  }, [desk]);

  return (
    <div class="composer">
      <Unfinished desk={desk} />
      <Others desk={desk} />
      <div class="composer-box">
        {editor && <Toolbar editor={editor} />}
        <div
          ref={place}
          class="composer-editor"
          onClick={(e) => {
            if (e.target === place.current) writing.focus();
          }}
        />
        <OptionRow desk={desk} />
      </div>
      <Actions desk={desk} />
      <Preview desk={desk} />
    </div>
  );
}

/** What else was begun. It stays in this browser until it is sent or thrown away. */
function Unfinished({ desk }: { desk: Desk }) {
  const list = desk.writing.unfinished.value;
  if (!list.length) return null;
  return (
    <div class="unfinished">
      <span class="hint">{t("unfinished")}</span>
      {list.map((target) => (
        <button
          key={idOf(target)}
          type="button"
          class="button"
          onClick={() => void desk.writing.open(target).then(() => desk.writing.focus())}
        >
          {target.kind === "new" ? t("new_post") : titleOf(target.kind === "post" ? target.post.content : target.draft.content, 28)}
        </button>
      ))}
    </div>
  );
}

/** What the button does that sends. */
export function mainOf(desk: Desk): Send {
  return desk.may("write") ? "publish" : "submit";
}

/** Says at once if somebody else has changed, or removed, the post that is being edited here. */
function Others({ desk }: { desk: Desk }) {
  const target = desk.writing.target.value;
  if (target.kind !== "post" || !desk.posts.list.value) return null;
  return <OtherVersion key={target.post.id} desk={desk} target={target} />;
}

function OtherVersion({ desk, target }: { desk: Desk; target: { kind: "post"; post: Post } }) {
  const seen = useRef(false);
  const now = desk.posts.list.value?.find((p) => p.id === target.post.id);
  if (now) seen.current = true;
  const removed = !now && seen.current;
  const also = desk.others.value.filter((o) => o.post === target.post.id);
  const newer = now !== undefined && now.revision !== desk.writing.base.value && !ownEdit(desk, target.post.id);
  const says = (p: Post): string => JSON.stringify([p.content, p.author, p.created]);
  const changed = newer && says(now) !== says(target.post);
  const name = useWriter(desk, changed ? now : undefined);
  // What says the same was only pinned or hidden: the writer goes on from there.
  useEffect(() => {
    if (newer && !changed) desk.writing.rebase({ kind: "post", post: now });
  });
  return (
    <div aria-live="polite">
      {(changed || removed) && (
        <div class="banner banner--bad">
          <p>{removed ? t("removed_meanwhile") : t("changed_meanwhile", { name: name || t("somebody") })}</p>
          <button type="button" class="button" onClick={() => openTheirs(desk, now ?? null)}>
            {t("show_theirs")}
          </button>
        </div>
      )}
      {!changed && !removed && also.length > 0 && (
        <div class="banner">
          <p>{t("also_edits", { name: also.map((o) => o.name).join(", ") })}</p>
        </div>
      )}
    </div>
  );
}

/** The name of whoever has made the version, as soon as the history has told it. */
function useWriter(desk: Desk, post: Post | undefined): string {
  const [name, setName] = useState("");
  useEffect(() => {
    let old = false;
    setName("");
    if (post && desk.may("write")) void whoWrote(desk, post).then((found) => old || setName(found));
    return () => {
      old = true;
    };
  }, [post?.revision]);
  return name;
}

/** Whether a change of this browser's own is on its way. */
function ownEdit(desk: Desk, post: string): boolean {
  return desk.entries.value.some((e) => e.change.kind === "edit" && e.change.post === post);
}

function OptionRow({ desk }: { desk: Desk }) {
  const { writing } = desk;
  const o = writing.options.value;
  const { kind } = writing.target.value;
  const [open, setOpen] = useState(false);
  const more = open || (o.time !== "" && kind !== "post");
  const chosen = [o.hidden && t("hidden"), o.author].filter(Boolean).join(", ");
  return (
    <>
      <div class="options">
        <label class="check">
          <input type="checkbox" checked={o.pinned} onChange={(e) => writing.set({ pinned: e.currentTarget.checked })} />
          {t("pinned")}
        </label>
        <label class="check">
          <input type="checkbox" checked={o.key_event} onChange={(e) => writing.set({ key_event: e.currentTarget.checked })} />
          {t("key_event")}
        </label>
        <button type="button" class="button button--plain" aria-expanded={more} onClick={() => setOpen(!more)}>
          <Icon name="gear" />
          <span class="options-chosen">{chosen || t("options")}</span>
          {chosen && <span class="visually-hidden">, {t("options")}</span>}
        </button>
      </div>
      {more && <More desk={desk} />}
    </>
  );
}

function More({ desk }: { desk: Desk }) {
  const { writing } = desk;
  const o = writing.options.value;
  const edits = writing.target.value.kind === "post";
  const at = scheduledFor(o.time);
  const draft = writing.target.value.kind === "draft" || !desk.may("write");
  return (
    <div class="options-more">
      {!draft && (
        <label class="check">
          <input type="checkbox" checked={o.hidden} onChange={(e) => writing.set({ hidden: e.currentTarget.checked })} />
          {t("hide_from_readers")}
        </label>
      )}
      <div class="field">
        <label for="post-author">{t("author")}</label>
        <input
          id="post-author"
          class="input"
          dir="auto"
          value={o.author}
          maxLength={100}
          onInput={(e) => writing.set({ author: e.currentTarget.value })}
        />
      </div>
      <div class="field">
        <label for="post-time">{t("time")}</label>
        <div class="time-field">
          <input
            id="post-time"
            class="input"
            type="datetime-local"
            value={o.time}
            aria-describedby="post-time-hint"
            onInput={(e) => writing.set({ time: e.currentTarget.value })}
          />
          {o.time && !edits && (
            <button type="button" class="button" onClick={() => writing.set({ time: "" })}>
              {t("now")}
            </button>
          )}
        </div>
      </div>
      <p class="hint" id="post-time-hint">
        {edits ? t("time_hint_edit") : desk.may("write") ? (at ? t("time_future", { time: exactly(at) }) : t("time_hint")) : t("time_hint_draft")}
      </p>
    </div>
  );
}

function Actions({ desk }: { desk: Desk }) {
  const { writing } = desk;
  const target = writing.target.value;
  const write = desk.may("write");
  const at = target.kind !== "post" ? scheduledFor(writing.options.value.time) : undefined;
  const main = !write ? t("submit") : target.kind === "post" ? t("save_changes") : at ? t("schedule") : t("publish");
  const kept = writing.changed.value && !writing.empty.value && !program.trouble.value && !program.kept.unsafe.value;
  const doneAs = (how: Send): void => void send(desk, how);
  const cancel = (): void => {
    const was = { target, content: writing.content(), changed: writing.changed.value };
    void writing.clear().then(() => {
      writing.focus();
      if (!was.changed) return;
      toast(t("thrown_away"), {
        action: {
          label: t("undo"),
          run: () => void writing.open(was.target).then(() => writing.replace(was.target, was.content)),
        },
      });
    });
  };
  return (
    <div class="actions">
      {target.kind !== "new" && (
        <button type="button" class="button button--plain" onClick={cancel}>
          {t("cancel")}
        </button>
      )}
      <span class="grow saved">{kept && <span>{t("kept_here")}</span>}</span>
      {target.kind === "new" && writing.changed.value && !writing.empty.value && (
        <Menu label={t("more_actions")} items={[{ label: t("throw_away"), icon: "trash", danger: true, run: cancel }]} />
      )}
      {!(target.kind === "post" && write) && (
        <button type="button" class="button" onClick={() => doneAs("save")}>
          {target.kind === "draft" ? t("save_draft") : t("save_as_draft")}
        </button>
      )}
      <button type="button" class="button button--main" onClick={() => doneAs(mainOf(desk))}>
        {main}
      </button>
    </div>
  );
}

/** The heading of the composer: what is being written. */
export function ComposerHead({ desk }: { desk: Desk }) {
  const target = desk.writing.target.value;
  const text =
    target.kind === "new"
      ? t("new_post")
      : target.kind === "draft"
        ? t("edit_draft")
        : desk.may("write")
          ? t("edit_post")
          : t("propose_title");
  return (
    <div class="panel-head">
      <h2 tabIndex={-1} data-heading="write">
        {text}
      </h2>
      {target.kind === "draft" && target.draft.state === "submitted" && desk.may("write") && (
        <Badge icon="person">{t("from", { name: target.draft.by.name })}</Badge>
      )}
    </div>
  );
}
