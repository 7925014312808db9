import { signal } from "@preact/signals";
import { t } from "../words";
import { Icon } from "./icons";

export interface Toast {
  id: number;
  text: string;
  /** A button, such as Undo. */
  action?: { label: string; run(): void };
  /** Runs if the person closes it. */
  closed?(): void;
  wrong?: boolean;
}

const shown = signal<Toast[]>([]);
const spoken = signal("");
const alarm = signal("");
const clocks = new Map<number, ReturnType<typeof setTimeout>>();
let next = 1;

/** Tells something for some seconds, or until it is closed if ms is Infinity. Screen readers say it too. */
export function toast(text: string, o: Pick<Toast, "action" | "closed" | "wrong"> & { ms?: number } = {}): () => void {
  const id = next++;
  const out = shown.value.length < 3 ? undefined : (shown.value.find((s) => clocks.has(s.id)) ?? shown.value[0]);
  shown.value = [...shown.value.filter((s) => s !== out), { id, text, action: o.action, closed: o.closed, wrong: o.wrong }];
  const hint = o.action ? ` ${t("undo_hint", { key: "U" })}` : "";
  if (o.wrong) alarm.value = text;
  else say(text + (o.action?.label === t("undo") ? hint : ""));
  const remove = (): void => {
    clearTimeout(clocks.get(id));
    clocks.delete(id);
    shown.value = shown.value.filter((s) => s.id !== id);
  };
  const ms = o.ms ?? (o.wrong ? 12_000 : 6_000);
  if (ms < Infinity) clocks.set(id, setTimeout(remove, ms));
  return remove;
}

/** Tells something to screen readers alone. */
export function say(text: string): void {
  spoken.value = spoken.value === text ? text + "\u00a0" : text; // the same text again is said again
}

/** Takes back what the newest toast offers to take back. Returns whether there was one. */
export function undoNewest(): boolean {
  const last = [...shown.value].reverse().find((s) => s.action?.label === t("undo"));
  if (!last) return false;
  shown.value = shown.value.filter((s) => s !== last);
  last.action!.run();
  return true;
}

export function Toasts() {
  return (
    <>
      <div class="visually-hidden" role="status" aria-live="polite">
        {spoken.value}
      </div>
      <div class="visually-hidden" role="alert">
        {alarm.value}
      </div>
      <section class="toasts" aria-label={t("notices")}>
        {shown.value.map((s) => (
          <div key={s.id} class={s.wrong ? "toast toast--wrong" : "toast"}>
            <p>{s.text}</p>
            {s.action && (
              <button
                type="button"
                class="toast-action"
                onClick={() => {
                  shown.value = shown.value.filter((o) => o !== s);
                  s.action!.run();
                }}
              >
                {s.action.label}
              </button>
            )}
            <button
              type="button"
              class="icon-button"
              aria-label={t("close")}
              onClick={() => {
                shown.value = shown.value.filter((o) => o !== s);
                s.closed?.();
              }}
            >
              <Icon name="close" />
            </button>
          </div>
        ))}
      </section>
    </>
  );
}
