import type { Node } from "prosemirror-model";
import { NodeSelection } from "prosemirror-state";
import type { EditorView, NodeView } from "prosemirror-view";
import { h } from "./dom";

/** What a node with fields needs of the editor. */
export interface Place {
  view: EditorView;
  getPos(): number | undefined;
  submit(): void;
}

/** A block that is no text: a box with fields and buttons of its own. */
export abstract class Widget implements NodeView {
  readonly dom: HTMLElement;

  constructor(protected node: Node, protected readonly place: Place, name: string, label: string) {
    this.dom = h("div", { class: `editor-box editor-${name}`, role: "group", "aria-label": label, contenteditable: "false" });
    this.dom.addEventListener("keydown", (e) => this.pressed(e));
  }

  /** Shows the node's values. */
  protected abstract show(): void;

  update(node: Node): boolean {
    if (node.type !== this.node.type) return false;
    this.node = node;
    this.show();
    return true;
  }

  selectNode(): void {
    this.dom.classList.add("is-selected");
  }

  deselectNode(): void {
    this.dom.classList.remove("is-selected");
  }

  /** The fields and buttons have their own events. */
  stopEvent(event: Event): boolean {
    return event.target instanceof Element && event.target.closest("input, textarea, button, a, select, label") !== null;
  }

  ignoreMutation(): boolean {
    return true;
  }

  destroy(): void {}

  /** Changes an attribute. A change that nobody made by hand is not undone by hand. */
  protected set(name: string, value: unknown, byHand = true): void {
    const pos = this.place.getPos();
    const { view } = this.place;
    if (pos === undefined || view.isDestroyed || view.state.doc.nodeAt(pos)?.type !== this.node.type) return;
    view.dispatch(view.state.tr.setNodeAttribute(pos, name, value).setMeta("addToHistory", byHand));
  }

  protected remove(): void {
    const pos = this.place.getPos();
    const { view } = this.place;
    if (pos === undefined) return;
    view.dispatch(view.state.tr.delete(pos, pos + this.node.nodeSize).scrollIntoView());
    view.focus();
  }

  private pressed(e: KeyboardEvent): void {
    if (e.isComposing) return;
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
      e.preventDefault();
      e.stopPropagation();
      this.place.submit();
    } else if (e.key === "Escape" && e.target !== this.dom) {
      const pos = this.place.getPos();
      const { view } = this.place;
      e.stopPropagation();
      if (pos !== undefined) view.dispatch(view.state.tr.setSelection(NodeSelection.create(view.state.doc, pos)));
      view.focus();
    }
  }
}

/** Moves the focus into the fields of the node that is selected. */
export function enterWidget(view: EditorView): boolean {
  const { selection } = view.state;
  if (!(selection instanceof NodeSelection)) return false;
  const dom = view.nodeDOM(selection.from);
  const field = dom instanceof Element ? dom.querySelector<HTMLElement>("input, textarea, button") : null;
  field?.focus();
  return field !== null;
}
