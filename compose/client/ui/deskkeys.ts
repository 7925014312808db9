import type { Post } from "../model";
import type { Desk } from "./desk";
import { focusPost, remove, setFlags } from "./doings";
import { editorShortcuts } from "./editorkeys";
import type { Shortcut } from "./keys";
import { edit } from "./post";
import { goTo, showTab } from "./route";
import { openShortcuts } from "./shortcuts";
import { undoNewest } from "./toasts";
import { width } from "./viewport";

/** The shortcuts of a channel's desk. Those for a post act on the one that has the focus. */
export function deskKeys(desk: Desk): Shortcut[] {
  const post = (): Post | undefined => {
    const id = document.activeElement?.closest<HTMLElement>("[data-post]")?.dataset.post;
    return desk.shown.value.find((s) => s.post.id === id)?.post;
  };
  const on = (act: (post: Post) => void, may: "write" | "draft" = "write"): (() => boolean) => () => {
    const found = post();
    if (!found || !desk.may(may)) return false;
    act(found);
    return true;
  };
  return [
    { keys: ["n"], about: "key_new", run: () => void newPost(desk) },
    { keys: ["j"], about: "key_next", run: () => step(1) },
    { keys: ["k"], about: "key_previous", run: () => step(-1) },
    { keys: ["e"], about: "key_edit", run: on((p) => void edit(desk, p), "draft") },
    { keys: ["p"], about: "key_pin", run: on((p) => setFlags(desk, p, { pinned: !p.pinned })) },
    { keys: ["h"], about: "key_hide", run: on((p) => setFlags(desk, p, { show: !p.show })) },
    { keys: ["Delete"], about: "key_delete", run: on((p) => void remove(desk, p)) },
    { keys: ["u"], about: "key_undo", run: undoNewest },
    { keys: ["/"], about: "key_search", run: () => search() },
    { keys: ["g c"], about: "key_channels", run: () => goTo("") },
    { keys: ["?"], about: "key_help", run: () => openShortcuts(editorShortcuts()) },
    { keys: ["Escape"], about: "key_escape", run: () => leave() },
  ];
}

/** Goes to the composer. What is being edited there stays kept. */
async function newPost(desk: Desk): Promise<void> {
  showTab("write");
  if (desk.writing.target.value.kind !== "new") await desk.writing.open({ kind: "new" });
  desk.writing.focus();
}

/** Moves the focus along the posts. On a phone, their panel is shown first. */
function step(by: number): boolean {
  if (width.value !== "three" && document.querySelector<HTMLElement>("[data-panel=posts]")?.hidden) showTab("posts");
  const all = [...document.querySelectorAll<HTMLElement>("[data-post]")];
  const now = document.activeElement?.closest<HTMLElement>("[data-post]");
  const at = now ? all.indexOf(now) : -1;
  const next = at < 0 ? all[by > 0 ? 0 : all.length - 1] : all[at + by];
  if (next) setTimeout(() => focusPost(next.dataset.post!));
  return next !== undefined;
}

function search(): void {
  goTo("");
  setTimeout(() => document.querySelector<HTMLElement>("input[type=search]")?.focus());
}

function leave(): boolean {
  const { activeElement } = document;
  if (!(activeElement instanceof HTMLElement) || activeElement === document.body) return false;
  activeElement.blur();
  return true;
}
