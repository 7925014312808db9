import { useState } from "preact/hooks";
import { t } from "../words";
import type { Desk } from "./desk";
import { scheduledFor } from "./doings";
import { Icon } from "./icons";
import { exactly } from "./times";

/** What a post has apart from its text: whether it is pinned, who signs it, when it is of. */
export function OptionRow({ desk }: { desk: Desk }) {
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
