import type { Command, EditorState } from "prosemirror-state";
import type { EditorView } from "prosemirror-view";
import { t } from "../words";
import { button, h, newID } from "./dom";
import { safeLink } from "./html";
import { markType } from "./schema";

const type = markType("link");

/** Returns the link at the cursor, or what is selected. */
function target(state: EditorState): { from: number; to: number; href: string } {
  const { from, to, empty, $from } = state.selection;
  const mark = type.isInSet(empty ? $from.marks() : ($from.nodeAfter?.marks ?? []));
  const href = mark ? (mark.attrs.href as string) : "";
  if (!mark || !empty) return { from, to, href };
  let [start, end] = [$from.start(), $from.start()];
  let done = false;
  $from.parent.forEach((child, offset) => { // the pieces that have the mark, around the cursor
    const at = $from.start() + offset;
    if (done || !mark.isInSet(child.marks)) {
      if (end >= $from.pos && end > start) done = true;
      if (!done) start = end = at + child.nodeSize;
    } else end = at + child.nodeSize;
  });
  return { from: start, to: end, href };
}

/** Returns what somebody has typed as an address, or null if it is none. */
export function addressOf(typed: string): string | null {
  const text = typed.trim();
  if (safeLink(text)) return text;
  if (/^[^\s@/:]+@[^\s@/:]+\.[^\s@/:]+$/.test(text)) return `mailto:${text}`;
  if (/^[^\s@/:]+\.[^\s@/:]{2,}(?::\d+)?(?:[/?#]\S*)?$/.test(text) && safeLink(`https://${text}`)) return `https://${text}`;
  return null;
}

/** The form in which a link's address is typed. It stands above the text. */
export class LinkForm {
  readonly element: HTMLElement;
  private readonly field: HTMLInputElement;
  private readonly problem = h("p", { class: "editor-problem", role: "alert", id: newID() });
  private readonly unlink = button(t("editor_link_remove"), () => this.apply(""));
  private view: EditorView | undefined;

  constructor() {
    const id = newID();
    this.field = h("input", {
      id, inputmode: "url", autocomplete: "off", autocapitalize: "off", spellcheck: "false", dir: "ltr",
      "aria-describedby": this.problem.id,
    });
    this.element = h("div", { class: "editor-form", role: "group", "aria-label": t("editor_link"), hidden: true },
      h("label", { for: id }, t("editor_link_address")),
      this.field,
      h("div", { class: "editor-acts" },
        button(t("editor_link_set"), () => this.apply(this.field.value)), this.unlink, button(t("editor_cancel"), () => this.close())),
      this.problem);
    this.element.addEventListener("keydown", (e) => {
      if (e.isComposing || !(e.key === "Escape" || (e.key === "Enter" && e.target === this.field))) return;
      e.preventDefault();
      e.stopPropagation();
      if (e.key === "Escape") this.close();
      else this.apply(this.field.value);
    });
  }

  /** The command "link". */
  readonly command: Command = (state, dispatch, view) => {
    const { $from, empty } = state.selection;
    if (!$from.parent.inlineContent || !$from.parent.type.allowsMarkType(type)) return false;
    if (empty && $from.parent.content.size === 0 && $from.parent.type.spec.code) return false;
    if (dispatch && view) this.open(view);
    return true;
  };

  private open(view: EditorView): void {
    this.view = view;
    const { href } = target(view.state);
    this.field.value = href;
    this.unlink.hidden = href === "";
    this.wrong("");
    this.element.hidden = false;
    this.field.focus();
    this.field.select();
  }

  private wrong(words: string): void {
    this.problem.textContent = words;
    this.field.setAttribute("aria-invalid", String(words !== ""));
  }

  private close(): void {
    this.element.hidden = true;
    this.view?.focus();
  }

  private apply(typed: string): void {
    const { view } = this;
    if (!view) return;
    const href = typed.trim() === "" ? "" : addressOf(typed);
    if (href === null) {
      this.wrong(t("editor_link_wrong"));
      this.field.focus();
      return;
    }
    const { from, to } = target(view.state);
    const { tr } = view.state;
    if (from < to) {
      tr.removeMark(from, to, type);
      if (href) tr.addMark(from, to, type.create({ href }));
    } else if (href) tr.insert(from, view.state.schema.text(href, [type.create({ href })]));
    view.dispatch(tr.removeStoredMark(type).scrollIntoView());
    this.close();
  }
}
