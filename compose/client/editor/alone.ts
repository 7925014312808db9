// A page with nothing but the editor. The tests load it, and say what becomes of the files.
import { type Signal, signal } from "@preact/signals";
import type { Card } from "../model";
import type { Files, FileState } from "../state/files";
import { createEditor, type Editor, markdownShortcuts, shortcuts } from "./editor";

interface Known {
  file: Blob;
  state: Signal<FileState>;
  retried: number;
}

const known = new Map<string, Known>();
const page = {
  editor: undefined as Editor | undefined,
  changes: 0,
  submitted: 0,
  asked: [] as string[],
  cards: {} as Record<string, Card>,
  known,
  shortcuts,
  markdownShortcuts,
  /** What add() waits for. */
  room: Promise.resolve(),
};

const files: Files = {
  async add(file) {
    await page.room;
    const key = `file-${known.size + 1}`;
    known.set(key, { file, state: signal({ sent: 0, total: file.size, waiting: false, kept: true }), retried: 0 });
    return key;
  },
  async url(key) {
    const found = known.get(key);
    if (!found) throw new Error(`no file ${key}`);
    return URL.createObjectURL(found.file);
  },
  state: (key) => known.get(key)?.state ?? signal({ sent: 0, total: 0, waiting: true, kept: true }),
  retry: (key) => {
    const found = known.get(key);
    if (found) found.retried++;
  },
  drop: () => undefined,
};

page.editor = createEditor({
  content: [],
  label: "Post",
  onChange: () => page.changes++,
  onSubmit: () => page.submitted++,
  files,
  lookUp: (url) => {
    page.asked.push(url);
    return Promise.resolve(page.cards[url]);
  },
});
document.querySelector("#desk")?.append(page.editor.element);
Object.assign(window, { page, editor: page.editor });
