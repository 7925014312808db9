import type { Node } from "prosemirror-model";
import type { Card, EmbedBlock } from "../model";
import { t } from "../words";
import { button, h } from "./dom";
import { type Place, Widget } from "./widget";

/** Asks what the server knows of a page. It may answer with a card, or not at all. */
export type LookUp = (url: string) => void | Promise<Card | null | undefined>;

/** An embedded page: its host, and its card as soon as the server knows it. */
export class EmbedView extends Widget {
  private readonly host = h("p", { class: "editor-embed-host" });
  private readonly title = h("p", { class: "editor-embed-title", dir: "auto" });
  private readonly summary = h("p", { class: "editor-embed-summary", dir: "auto" });
  private asked = "";

  constructor(node: Node, place: Place, private readonly lookUp: LookUp | undefined) {
    super(node, place, "embed", t("editor_embed"));
    this.dom.append(
      this.host,
      this.title,
      this.summary,
      h("div", { class: "editor-acts" },
        button(t("editor_embed_as_link"), () => this.asLink()),
        button(t("editor_embed_remove"), () => this.remove())),
    );
    this.show();
  }

  private get value(): EmbedBlock["value"] {
    return this.node.attrs.value as EmbedBlock["value"];
  }

  protected show(): void {
    const { url, card } = this.value;
    this.host.textContent = card?.provider || hostOf(url);
    this.title.textContent = card?.title || url;
    this.summary.textContent = card?.summary ?? "";
    this.summary.hidden = !card?.summary;
    if (!card && this.asked !== url) this.ask(url);
  }

  private ask(url: string): void {
    this.asked = url;
    void Promise.resolve(this.lookUp?.(url)).then((card) => {
      if (card && this.value.url === url && !this.value.card) this.set("value", { url, card }, false);
    }, () => undefined); // an embed without a card is one all the same
  }

  /** Makes a line with a link of it. */
  private asLink(): void {
    const pos = this.place.getPos();
    const { view } = this.place;
    const { paragraph } = view.state.schema.nodes;
    const { link } = view.state.schema.marks;
    if (pos === undefined || !paragraph || !link) return;
    const { url } = this.value;
    const line = paragraph.create(null, view.state.schema.text(url, [link.create({ href: url })]));
    view.dispatch(view.state.tr.replaceWith(pos, pos + this.node.nodeSize, line));
    view.focus();
  }
}

export function hostOf(url: string): string {
  try {
    return new URL(url).host.replace(/^www\./, "");
  } catch {
    return url;
  }
}
