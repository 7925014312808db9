import { type ReadonlySignal, signal } from "@preact/signals";
import { dropCursor } from "prosemirror-dropcursor";
import { gapCursor } from "prosemirror-gapcursor";
import { closeHistory, history } from "prosemirror-history";
import { EditorState, Selection, type Transaction } from "prosemirror-state";
import { tableEditing } from "prosemirror-tables";
import { EditorView } from "prosemirror-view";
import type { Block } from "../model";
import type { Files } from "../state/files";
import { t } from "../words";
import { Adding } from "./adding";
import { webAddress } from "./address";
import { commands, type CommandName, sameToolbar, type Toolbar, toolbarOf } from "./commands";
import { Content, seamsOf, seamsPlugin, setSeams } from "./content";
import { h, newID } from "./dom";
import type { LookUp } from "./embeds";
import { insertBlocks } from "./insert";
import { keys } from "./keys";
import { LinkForm } from "./link";
import { markdown } from "./markdown";
import { addLink, insertText, paste } from "./paste";
import { placeholders } from "./placeholder";
import { nodeType } from "./schema";
import { TableBar } from "./tablebar";
import "./editor.css";
import { nodeViews } from "./views";
import { enterWidget } from "./widget";

export type { CommandName, Toolbar } from "./commands";
export { markdownShortcuts, type Shortcut, shortcuts } from "./keys";

export interface EditorOptions {
  /** To begin with. */
  content: Block[];
  /** For screen readers. */
  label: string;
  /** Is called after each change of the document. */
  onChange(): void;
  /** Is called for Mod-Enter, when each image that was added is kept. */
  onSubmit?(): void;
  files: Files;
  /** Is called when an embed is added. It may return what the server knows of the page. */
  lookUp?: LookUp;
}

export interface Editor {
  readonly element: HTMLElement;
  /** Which commands are in force and possible at the selection. */
  readonly can: ReadonlySignal<Toolbar>;
  content(): Block[];
  empty(): boolean;
  /** Replaces all. It can be undone. */
  set(content: Block[]): void;
  run(command: CommandName): boolean;
  addImages(files: File[]): void;
  /** Puts an embed if the cursor is on an empty line, and a link otherwise. */
  addLink(url: string): void;
  /** Resolves when each image that was added is kept, so that content() has it. */
  settled(): Promise<void>;
  /** Without at, the cursor stays where it is. */
  focus(at?: "start" | "end"): void;
  destroy(): void;
}

const pictures = /\.(avif|bmp|gif|heic|heif|jpe?g|png|tiff?|webp)$/i;

export function createEditor(o: EditorOptions): Editor {
  const content = new Content();
  let view: EditorView | undefined;
  const adding = new Adding(o.files, () => view);
  const form = new LinkForm();
  const all = commands(form.command);
  const can = signal<Toolbar>({ active: new Set(), possible: new Set() });
  const status = h("p", { class: "editor-status", role: "status" });
  const hint = h("p", { class: "editor-help", id: newID() }, t("editor_help"));
  const bar = new TableBar(() => editor, (name) => run(name));

  const run = (name: CommandName): boolean => {
    const { state } = editor;
    const done = all[name](state, (tr) => editor.dispatch(closeHistory(tr)), editor);
    if (name === "score") enterWidget(editor);
    else if (name !== "link") editor.focus();
    return done;
  };
  const submit = (): boolean => {
    if (!o.onSubmit) return false;
    void adding.settled().then(() => o.onSubmit?.());
    return true;
  };
  const takeFiles = (files: File[]): void => {
    const images = files.filter((f) => f.type.startsWith("image/") || pictures.test(f.name));
    status.textContent = images.length < files.length ? t("editor_no_image") : "";
    if (images.length > 0) editor.dispatch(insertBlocks(editor.state, images.map((file) => adding.add(file))));
  };

  const first = content.read(o.content);
  const start = EditorState.create({
    doc: nodeType("doc").create(null, first.nodes),
    plugins: [
      seamsPlugin(),
      markdown(),
      paste({ files: takeFiles, picture: (file, alt) => adding.add(file, alt) }),
      keys(all, submit),
      dropCursor({ class: "editor-drop", color: false, width: 3 }),
      gapCursor(),
      placeholders(),
      tableEditing({ allowTableNodeSelection: true }),
      history(),
    ],
  });
  const editor: EditorView = new EditorView(null, {
    state: start.apply(setSeams(start.tr, first.seams)),
    nodeViews: nodeViews(o.files, adding, o.lookUp, submit),
    attributes: {
      class: "editor-text", role: "textbox", "aria-multiline": "true", "aria-label": o.label, "aria-describedby": hint.id,
      "data-placeholder": t("editor_placeholder"),
    },
    dispatchTransaction: (tr: Transaction) => {
      editor.updateState(editor.state.apply(tr));
      show();
      if (tr.docChanged) o.onChange();
    },
    handleClick: (_view, _pos, e) => e.target === editor.dom && below(e),
  });
  view = editor;

  /** A click below the last block puts a line there, if that block is no text. */
  const below = (e: MouseEvent): boolean => {
    const last = editor.dom.lastElementChild?.getBoundingClientRect();
    if (!last || e.clientY <= last.bottom || editor.state.doc.lastChild?.isTextblock) return false;
    const { tr, doc } = editor.state;
    tr.insert(doc.content.size, nodeType("paragraph").create());
    editor.dispatch(tr.setSelection(Selection.atEnd(tr.doc)).scrollIntoView());
    return true;
  };

  const show = (): void => {
    const now = toolbarOf(editor.state, all);
    if (!sameToolbar(now, can.value)) can.value = now;
    bar.show(editor.state, now);
    const { doc } = editor.state;
    editor.dom.classList.toggle("is-empty", doc.childCount === 1 && doc.firstChild?.type.name === "paragraph" && doc.content.size === 2);
  };
  show();

  return {
    element: h("div", { class: "editor" }, form.element, bar.element, editor.dom, status, hint),
    can,
    content: () => content.write(editor.state.doc, seamsOf(editor.state)),
    empty: () => content.write(editor.state.doc, []).length === 0 && !adding.busy(),
    set: (blocks) => {
      const { nodes, seams } = content.read(blocks);
      const tr = editor.state.tr.replaceWith(0, editor.state.doc.content.size, nodes);
      editor.dispatch(closeHistory(setSeams(tr, seams).setSelection(Selection.atStart(tr.doc))));
      editor.dispatch(closeHistory(editor.state.tr)); // what comes now is undone on its own
    },
    run,
    addImages: takeFiles,
    addLink: (text) => {
      const url = webAddress(text.trim());
      if (url) addLink(editor, url);
      else insertText(editor, text);
    },
    settled: () => adding.settled(),
    focus: (at) => {
      const { tr, doc } = editor.state;
      if (at) editor.dispatch(tr.setSelection(at === "end" ? Selection.atEnd(doc) : Selection.atStart(doc)).scrollIntoView());
      editor.focus();
    },
    destroy: () => editor.destroy(),
  };
}
