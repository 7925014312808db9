import { useEffect, useState } from "preact/hooks";
import type { Channel } from "../model";
import { program } from "../program";
import { failureOf } from "../state/problem";
import { t } from "../words";
import { openDelete, openEnd } from "./channeldialogs";
import type { Desk } from "./desk";
import { problemText } from "./problems";
import { say, toast } from "./toasts";

/** What a channel is called, who may read it, and whether it goes on. */
export function Settings({ desk, channel }: { desk: Desk; channel: Channel }) {
  const [title, setTitle] = useState(channel.title);
  const [wrong, setWrong] = useState("");
  useEffect(() => setTitle(channel.title), [channel.title]);

  const patch = async (change: Partial<Pick<Channel, "title" | "access" | "ended">>, said: string): Promise<void> => {
    setWrong("");
    try {
      desk.took(await program.channels.patch(channel.id, change));
      toast(t(said));
    } catch (err) {
      const text = problemText(failureOf(err).problem);
      setWrong(text);
      say(text);
    }
  };
  return (
    <section class="section" aria-label={t("settings")}>
      <h3>{t("settings")}</h3>
      <form
        class="form"
        onSubmit={(e) => {
          e.preventDefault();
          void patch({ title: title.trim() }, "said_saved");
        }}
      >
        <div class="field">
          <label for="channel-title">{t("channel_title")}</label>
          <input
            id="channel-title"
            class="input"
            dir="auto"
            value={title}
            maxLength={200}
            onInput={(e) => setTitle(e.currentTarget.value)}
            aria-describedby="channel-wrong"
          />
        </div>
        {title.trim() !== channel.title && (
          <div class="form-do">
            <button type="submit" class="button button--main">
              {t("save")}
            </button>
            <button type="button" class="button" onClick={() => setTitle(channel.title)}>
              {t("cancel")}
            </button>
          </div>
        )}
        <p id="channel-wrong" class="wrong" role="alert">
          {wrong}
        </p>
        <AccessField value={channel.access} onChange={(access) => void patch({ access }, "said_saved")} />
      </form>
      <div class="form-do">
        {channel.ended ? (
          <button type="button" class="button" data-do="reopen" onClick={() => void patch({ ended: null }, "said_reopened")}>
            {t("reopen")}
          </button>
        ) : (
          <button type="button" class="button" data-do="end" onClick={() => openEnd(() => patch({ ended: new Date().toISOString() }, "said_ended"))}>
            {t("end")}
          </button>
        )}
        {desk.may("manage") && (
          <button type="button" class="button button--plain" onClick={() => openDelete(channel)}>
            {t("delete_channel")}
          </button>
        )}
      </div>
    </section>
  );
}

/** Who may read a channel. */
export function AccessField({ value, onChange }: { value: Channel["access"]; onChange(access: Channel["access"]): void }) {
  return (
    <fieldset>
      <legend>{t("access")}</legend>
      {(["public", "private"] as const).map((access) => (
        <label class="radio" key={access}>
          <input type="radio" name="access" checked={value === access} onChange={() => onChange(access)} />
          <span>{t(`access_${access}`)}</span>
          <span class="hint">{t(`access_${access}_text`)}</span>
        </label>
      ))}
    </fieldset>
  );
}
