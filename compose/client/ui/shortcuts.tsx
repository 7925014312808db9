import { Fragment } from "preact";
import { t } from "../words";
import { Dialog, openDialog } from "./dialog";
import { listed } from "./keys";

const names: Record<string, string> = { Delete: "Del", Escape: "Esc" };

/** A key as it stands on the keyboard. */
export function Keys({ keys }: { keys: string }) {
  return (
    <>
      {keys.split(" ").map((key, n) => (
        <Fragment key={n}>
          {n > 0 && ` ${t("key_then")} `}
          <kbd class="key">{names[key] ?? (key.length === 1 ? key.toUpperCase() : key)}</kbd>
        </Fragment>
      ))}
    </>
  );
}

/** Opens the list of shortcuts: those of the screen, and those of the editor. */
export function openShortcuts(editor: { keys: string; label: string }[] = []): void {
  const here = listed();
  openDialog((close) => (
    <Dialog title={t("shortcuts")} close={close} read>
      <dl class="shortcuts">
        {here.map((s) => (
          <div key={s.about}>
            <dt>
              {s.keys.map((k, n) => (
                <Fragment key={k}>
                  {n > 0 && ` ${t("key_or")} `}
                  <Keys keys={k} />
                </Fragment>
              ))}
            </dt>
            <dd>{t(s.about)}</dd>
          </div>
        ))}
      </dl>
      {editor.length > 0 && (
        <>
          <h3 class="shortcuts-head">{t("shortcuts_editor")}</h3>
          <dl class="shortcuts">
            {editor.map((s) => (
              <div key={s.label}>
                <dt>
                  <kbd class="key">{s.keys}</kbd>
                </dt>
                <dd>{s.label}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </Dialog>
  ));
}
