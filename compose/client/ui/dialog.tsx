import { useId, useLayoutEffect, useRef } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { signal } from "@preact/signals";
import { t } from "../words";
import { Icon } from "./icons";

type Shown = (close: () => void) => ComponentChildren;
const stack = signal<{ id: number; show: Shown }[]>([]);
let next = 1;

/** Opens a dialog. What show returns must be a Dialog, which calls close. */
export function openDialog(show: Shown): void {
  stack.value = [...stack.value, { id: next++, show }];
}

export function dialogIsOpen(): boolean {
  return stack.value.length > 0;
}

export function Dialogs() {
  return (
    <>
      {stack.value.map(({ id, show }) => (
        <div key={id}>{show(() => (stack.value = stack.value.filter((d) => d.id !== id)))}</div>
      ))}
    </>
  );
}

interface DialogProps {
  title: string;
  close(): void;
  children: ComponentChildren;
  /** The buttons below. */
  foot?: ComponentChildren;
  wide?: boolean;
  /** There may be nothing in it that takes the focus: then it takes the focus itself, so that it can be scrolled. */
  read?: boolean;
  /** A click beside it does not close it: what it shows can't be seen again. */
  keep?: boolean;
  /** It waits for the server, and can't be closed meanwhile. */
  busy?: boolean;
}

/** A modal dialog. The browser keeps the focus inside; when it is closed, the focus returns to where it was. */
export function Dialog({ title, close, children, foot, wide, read, keep, busy }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useLayoutEffect(() => {
    // In one step with its content: Escape works as soon as there is something to see.
    const dialog = ref.current!;
    const before = document.activeElement;
    dialog.showModal();
    const first = dialog.querySelector<HTMLElement>("[data-first]");
    (first ?? dialog.querySelector<HTMLElement>("h2"))?.focus();
    return () => {
      dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={wide ? "dialog dialog--wide" : "dialog"}
      aria-labelledby={heading}
      onCancel={(e) => {
        e.preventDefault();
        if (!busy) close();
      }}
      onClose={() => (busy ? ref.current?.showModal() : close())} // a browser may close it without asking
      onClick={(e) => {
        if (e.target === ref.current && !keep && !busy) close();
      }}
    >
      <div class="dialog-box">
        <header class="dialog-head">
          <h2 id={heading} tabIndex={-1}>
            {title}
          </h2>
          <button type="button" class="icon-button" aria-label={t("close")} aria-disabled={busy || undefined} onClick={() => busy || close()}>
            <Icon name="close" />
          </button>
        </header>
        <div class="dialog-body" tabIndex={read ? 0 : undefined}>{children}</div>
        {foot && <footer class="dialog-foot">{foot}</footer>}
      </div>
    </dialog>
  );
}
