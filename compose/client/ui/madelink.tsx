import { useId, useRef, useState } from "preact/hooks";
import type { Invitation } from "../state/types";
import { t } from "../words";
import { Dialog } from "./dialog";
import { Icon } from "./icons";
import { exactly } from "./times";

/** Shows a link that was just made. It can't be seen again. */
export function MadeLink({ title, link, close }: { title: string; link: Invitation; close(): void }) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [said, setSaid] = useState("");
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(link.url!);
      setSaid(t("invitation_copied"));
    } catch {
      field.current!.select(); // a browser may forbid it, and does without https
      setSaid(t("invitation_not_copied"));
    }
  };
  return (
    <Dialog
      title={title}
      close={close}
      keep
      foot={
        <>
          <button type="button" class="button" onClick={close}>
            {t("done")}
          </button>
          <button type="button" class="button button--main" data-first aria-describedby={`${id}-once`} onClick={() => void copy()}>
            <Icon name="link" />
            {t("copy_link")}
          </button>
        </>
      }
    >
      <div class="form">
        <p id={`${id}-once`}>{t("invitation_once")}</p>
        <div class="field">
          <label for={`${id}-link`}>{t("link")}</label>
          <input
            ref={field}
            id={`${id}-link`}
            class="input"
            data-link
            dir="ltr"
            readOnly
            value={link.url}
            onFocus={(e) => e.currentTarget.select()}
          />
        </div>
        <p class="hint">{t("valid_until", { time: exactly(link.expires) })}</p>
        <p class="made-said" role="status">
          {said}
        </p>
      </div>
    </Dialog>
  );
}
