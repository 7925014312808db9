import { dialogIsOpen } from "./dialog";

/** What the keys do. The dialog of shortcuts lists them. */
export interface Shortcut {
  /** As KeyboardEvent.key has it; "g c" is one key after the other. */
  keys: string[];
  /** The key of its description in the words. */
  about: string;
  run(): boolean | void;
}

let all: Shortcut[] = [];
let waiting = "";
let since = 0;

/** Sets the shortcuts of a screen. Returns what takes them back. */
export function shortcuts(list: Shortcut[]): () => void {
  all = [...all, ...list];
  return () => (all = all.filter((s) => !list.includes(s)));
}

export function listed(): Shortcut[] {
  return all;
}

/** In these, keys are for writing. */
function writes(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  if (target instanceof HTMLInputElement) return !/^(checkbox|radio|button|submit|file)$/.test(target.type);
  return target.closest("textarea, select, [role=textbox], [role=menu], dialog") !== null;
}

/** Listens for shortcuts. None of them acts while somebody writes, and none with Ctrl, Alt or Meta. */
export function listenForKeys(): void {
  document.addEventListener("keydown", (e) => {
    if (e.defaultPrevented || e.isComposing || e.ctrlKey || e.metaKey || e.altKey || dialogIsOpen()) return;
    const target = e.composedPath()[0] ?? e.target;
    if (writes(target)) return;
    const key = e.key.length === 1 ? e.key.toLowerCase() : e.key;
    const both = waiting && e.timeStamp - since < 1_500 ? `${waiting} ${key}` : "";
    waiting = "";
    const found = all.find((s) => s.keys.includes(both)) ?? all.find((s) => s.keys.includes(key));
    if (found) {
      if (e.repeat && !/^[jk]$/.test(key)) return;
      if (found.run() !== false) e.preventDefault();
    } else if (all.some((s) => s.keys.some((k) => k.startsWith(`${key} `)))) {
      waiting = key;
      since = e.timeStamp;
    }
  });
}
