import { useEffect, useRef } from "preact/hooks";
import { createEditor, type Editor } from "../editor/editor";
import type { Block } from "../model";
import { program } from "../program";
import { t } from "../words";
import { titleOf } from "./blocks";
import type { Desk } from "./desk";
import { scheduledFor, send, type Send } from "./doings";
import { Menu } from "./menu";
import { OptionRow } from "./options";
import { Others } from "./otherversion";
import { Badge } from "./parts";
import { Preview } from "./preview";
import { idOf } from "./target";
import { toast } from "./toasts";
import { Toolbar } from "./toolbar";

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
