import { useState } from "preact/hooks";
import type { Channel } from "../model";
import { program } from "../program";
import { failureOf } from "../state/problem";
import { t } from "../words";
import { Dialog, openDialog } from "./dialog";
import { problemText } from "./problems";
import { goTo } from "./route";
import { toast } from "./toasts";

/** Asks whether a channel is over. */
export function openEnd(end: () => Promise<void>): void {
  openDialog((close) => (
    <Dialog
      title={t("end_title")}
      close={close}
      foot={
        <>
          <button type="button" class="button" onClick={close}>
            {t("cancel")}
          </button>
          <button
            type="button"
            class="button button--main"
            data-first
            onClick={() => {
              close();
              void end();
            }}
          >
            {t("end")}
          </button>
        </>
      }
    >
      <p>{t("end_text")}</p>
    </Dialog>
  ));
}

/** Asks whether a channel may be deleted. */
export function openDelete(channel: Channel): void {
  openDialog((close) => <Delete channel={channel} close={close} />);
}

/** A channel can't be brought back. So its ID has to be typed. */
function Delete({ channel, close }: { channel: Channel; close(): void }) {
  const [typed, setTyped] = useState("");
  const [wrong, setWrong] = useState("");
  const remove = async (): Promise<void> => {
    if (typed !== channel.id) return setWrong(t("delete_channel_wrong", { id: channel.id }));
    try {
      await program.channels.remove(channel.id);
      close();
      goTo("");
      toast(t("channel_deleted", { title: channel.title }));
    } catch (err) {
      setWrong(problemText(failureOf(err).problem));
    }
  };
  return (
    <Dialog
      title={t("delete_channel_title", { title: channel.title })}
      close={close}
      foot={
        <>
          <button type="button" class="button" onClick={close}>
            {t("cancel")}
          </button>
          <button type="button" class="button button--danger" onClick={() => void remove()}>
            {t("delete_channel")}
          </button>
        </>
      }
    >
      <p>{t("delete_channel_text")}</p>
      <div class="field">
        <label for="delete-id">{t("delete_channel_type", { id: channel.id })}</label>
        <input
          id="delete-id"
          class="input"
          data-first
          dir="ltr"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          value={typed}
          aria-invalid={wrong ? "true" : undefined}
          aria-describedby="delete-wrong"
          onInput={(e) => setTyped(e.currentTarget.value.trim())}
        />
        <p id="delete-wrong" class="wrong" role="alert">
          {wrong}
        </p>
      </div>
    </Dialog>
  );
}
