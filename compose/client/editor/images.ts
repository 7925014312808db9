import { effect } from "@preact/signals";
import type { Node } from "prosemirror-model";
import type { ImageBlock } from "../model";
import type { Files } from "../state/files";
import { t } from "../words";
import type { Adding } from "./adding";
import { isAdding } from "./content";
import { button, clip, h, newID } from "./dom";
import { type Place, Widget } from "./widget";

const maxAlt = 2000; // bytes, as the server has it
const maxPixels = 1 << 16;

/** An image: its preview, how far its upload is, and its alternative text. */
export class ImageView extends Widget {
  private readonly picture = h("img", { alt: "", referrerpolicy: "no-referrer", decoding: "async" });
  private readonly none = h("p", { class: "editor-no-picture" });
  private readonly bar = h("progress", { max: 1 });
  private readonly said = h("span", { role: "status" });
  private readonly sending = h("div", { class: "editor-sending" }, this.bar, this.said);
  private readonly problem = h("p", { class: "editor-problem", role: "alert" });
  private readonly again = button(t("editor_image_retry"), () => this.retry());
  private readonly alt: HTMLTextAreaElement;
  private key: string | undefined;
  private stop: (() => void) | undefined;
  private own = ""; // an object URL that this view has made

  constructor(node: Node, place: Place, private readonly files: Files, private readonly adding: Adding) {
    super(node, place, "image", t("editor_image"));
    const [field, hint] = [newID(), newID()];
    this.alt = h("textarea", { id: field, rows: 1, "aria-describedby": hint, dir: "auto", oninput: () => this.typed() });
    this.bar.setAttribute("aria-label", t("editor_image_progress"));
    this.picture.addEventListener("load", () => this.measure());
    this.picture.addEventListener("error", () => this.noPicture());
    this.dom.append(
      h("div", { class: "editor-picture" }, this.picture, this.none, this.sending),
      this.problem,
      h("label", { for: field }, t("editor_image_alt")),
      this.alt,
      h("p", { class: "editor-hint", id: hint }, t("editor_image_alt_why")),
      h("div", { class: "editor-acts" }, this.again, button(t("editor_image_remove"), () => this.remove())),
    );
    this.show();
  }

  private get value(): ImageBlock["value"] {
    return this.node.attrs.value as ImageBlock["value"];
  }

  protected show(): void {
    const { value } = this;
    if (this.alt.value !== value.alt) this.alt.value = value.alt;
    this.dom.classList.toggle("lacks-alt", value.alt.trim() === "");
    if (this.key !== value.local || !this.stop) this.follow(value.local);
  }

  /** Shows the file of a key, and how far it is. */
  private follow(key: string | undefined): void {
    this.stop?.();
    const before = this.key;
    this.key = key;
    this.stop = () => undefined;
    if (key === undefined) {
      this.state({ sent: 0, total: 0, waiting: false }, false);
      if (before === undefined || !this.picture.src) this.load(this.value.url ?? "");
    } else if (isAdding(this.value)) {
      const added = this.adding.get(key);
      if (added && !this.own) this.load((this.own = URL.createObjectURL(added.file)));
      this.stop = effect(() => this.state({ sent: 0, total: 0, waiting: false, problem: added?.problem.value }, true));
    } else {
      if (!this.own) void this.files.url(key).then((url) => this.key === key && this.load(url), () => this.noPicture());
      const state = this.files.state(key);
      this.stop = effect(() => this.state(state.value, true));
    }
  }

  private state(s: { sent: number; total: number; block?: ImageBlock; problem?: string; waiting: boolean }, local: boolean): void {
    this.sending.hidden = !local || s.problem !== undefined || s.block !== undefined;
    this.again.hidden = s.problem === undefined;
    this.problem.textContent = s.problem ?? "";
    if (s.total > 0) this.bar.value = s.sent / s.total;
    else this.bar.removeAttribute("value");
    const percent = s.total > 0 ? Math.floor((100 * s.sent) / s.total) : 0;
    const words = s.waiting ? t("editor_image_waits") : t("editor_image_sending", { percent });
    if (this.said.textContent !== words) this.said.textContent = words;
    const { block } = s;
    const { key } = this;
    if (!block) return;
    queueMicrotask(() => { // the editor may be about to draw
      if (key !== undefined && this.value.local === key) this.set("value", { ...block.value, alt: this.value.alt }, false);
    });
  }

  private retry(): void {
    const { key } = this;
    if (key === undefined) return;
    if (isAdding(this.value)) this.adding.retry(key);
    else this.files.retry(key);
  }

  private load(url: string): void {
    this.none.hidden = true;
    this.picture.hidden = false;
    if (/^(https?:|blob:|\/)/i.test(url)) this.picture.src = url;
    else this.noPicture();
  }

  private noPicture(): void {
    const url = this.value.url ?? "";
    if (this.own && this.picture.src === this.own && url) return this.load(url);
    this.picture.hidden = true;
    this.none.hidden = false;
    this.none.textContent = t("editor_image_no_preview");
  }

  private measure(): void {
    const { naturalWidth: width, naturalHeight: height } = this.picture;
    if (!this.value.local || this.value.width || !width || width > maxPixels || height > maxPixels) return;
    this.set("value", { ...this.value, width, height }, false);
  }

  private typed(): void {
    const alt = clip(this.alt.value, maxAlt);
    if (alt !== this.alt.value) this.alt.value = alt;
    this.set("value", { ...this.value, alt });
  }

  /** The file stays a while: undo may bring the image back. */
  protected override remove(): void {
    const { value } = this;
    super.remove();
    if (value.local && !isAdding(value)) this.files.drop(value.local);
  }

  override destroy(): void {
    this.stop?.();
    if (this.own) URL.revokeObjectURL(this.own);
  }
}
