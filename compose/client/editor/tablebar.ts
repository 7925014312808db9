import type { EditorState } from "prosemirror-state";
import { findTable } from "prosemirror-tables";
import type { EditorView } from "prosemirror-view";
import { t } from "../words";
import type { CommandName, Toolbar } from "./commands";
import { button, clip, h, newID } from "./dom";
import { escapeText } from "./html";
import { wordsOf } from "./tablenodes";

const acts: CommandName[] = [
  "rowBefore", "rowAfter", "rowDelete", "columnBefore", "columnAfter", "columnDelete", "headerRow", "headerColumn", "merge", "split",
  "tableDelete",
];

const maxCaption = 1000; // bytes

/** The bar of a table. It is there while the cursor is in a table. */
export class TableBar {
  readonly element: HTMLElement;
  private readonly caption: HTMLInputElement;
  private readonly buttons = new Map<CommandName, HTMLButtonElement>();

  constructor(private readonly view: () => EditorView, run: (name: CommandName) => void) {
    const id = newID();
    this.caption = h("input", { id, autocomplete: "off", dir: "auto", oninput: () => this.typed() });
    const bar = h("div", { class: "editor-bar", role: "toolbar", "aria-label": t("editor_table_bar") });
    for (const name of acts) {
      const one = button(t(`editor_${name}`), () => run(name), { tabindex: this.buttons.size === 0 ? 0 : -1 });
      one.addEventListener("mousedown", (e) => e.preventDefault()); // the selection stays where it is
      this.buttons.set(name, one);
      bar.append(one);
    }
    bar.addEventListener("keydown", (e) => this.move(e));
    this.element = h("div", { class: "editor-form editor-tablebar", hidden: true }, bar,
      h("div", { class: "editor-field" }, h("label", { for: id }, t("editor_table_caption")), this.caption));
    this.element.addEventListener("keydown", (e) => {
      if (e.key !== "Escape" || e.isComposing) return;
      e.stopPropagation();
      this.view().focus();
    });
  }

  show(state: EditorState, can: Toolbar): void {
    const table = findTable(state.selection.$from);
    this.element.hidden = !table;
    if (!table) return;
    const words = wordsOf(table.node.attrs.caption as string);
    if (this.caption.value !== words) this.caption.value = words;
    for (const [name, one] of this.buttons) one.setAttribute("aria-disabled", String(!can.possible.has(name)));
  }

  private typed(): void {
    const view = this.view();
    const table = findTable(view.state.selection.$from);
    if (!table) return;
    const words = clip(this.caption.value, maxCaption);
    view.dispatch(view.state.tr.setNodeAttribute(table.pos, "caption", escapeText(words)));
  }

  /** The arrow keys go along the bar, as a toolbar's do. */
  private move(e: KeyboardEvent): void {
    const all = [...this.buttons.values()];
    const at = all.indexOf(e.target as HTMLButtonElement);
    const ahead = getComputedStyle(this.element).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    const back = ahead === "ArrowLeft" ? "ArrowRight" : "ArrowLeft";
    const to = { [ahead]: at + 1, [back]: at - 1, Home: 0, End: all.length - 1 }[e.key];
    if (to === undefined || at < 0) return;
    e.preventDefault();
    const next = all[(to + all.length) % all.length];
    for (const one of all) one.tabIndex = one === next ? 0 : -1;
    next?.focus();
  }
}
