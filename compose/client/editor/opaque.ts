import type { Node } from "prosemirror-model";
import type { NodeView } from "prosemirror-view";
import { t } from "../words";
import { button, h } from "./dom";
import { shown } from "./safe";
import { type Place, Widget } from "./widget";

/** HTML that the editor does not know. It is shown, and can be removed, but not changed. */
export class OpaqueView extends Widget {
  constructor(node: Node, place: Place) {
    super(node, place, "opaque", t("editor_opaque"));
    const html = node.type.name === "opaque" ? (node.attrs.html as string) : "";
    this.dom.append(
      h("div", { class: "editor-opaque-shown" }, shown(html)),
      h("p", { class: "editor-hint" }, t("editor_opaque_why")),
      h("div", { class: "editor-acts" }, button(t("editor_opaque_remove"), () => this.remove())),
    );
  }

  override update(node: Node): boolean {
    return node.eq(this.node); // otherwise it is made anew
  }

  protected show(): void {}
}

/** The same within a line. */
export class BitView implements NodeView {
  readonly dom: HTMLElement;

  constructor(node: Node) {
    this.dom = h("span", { class: "editor-bit", title: t("editor_opaque_why") }, shown(node.attrs.html as string));
  }

  ignoreMutation(): boolean {
    return true;
  }
}
