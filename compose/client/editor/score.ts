import type { Node } from "prosemirror-model";
import type { ScoreBlock } from "../model";
import { t } from "../words";
import { button, clip, h, newID } from "./dom";
import { type Place, Widget } from "./widget";

type Field = keyof ScoreBlock["value"];

const most: Record<Field, number> = { home: 100, away: 100, home_score: 20, away_score: 20, note: 100 }; // bytes

export const noScore: ScoreBlock["value"] = { home: "", away: "", home_score: "0", away_score: "0", note: "" };

/** A score: two sides with a number each, and a note such as the minute. */
export class ScoreView extends Widget {
  private readonly fields = new Map<Field, HTMLInputElement>();

  constructor(node: Node, place: Place) {
    super(node, place, "score", t("editor_score"));
    this.dom.append(
      h("div", { class: "editor-sides" }, this.side("home"), this.side("away")),
      this.field("note"),
      h("div", { class: "editor-acts" }, button(t("editor_score_remove"), () => this.remove())),
    );
    this.show();
  }

  private get value(): ScoreBlock["value"] {
    return this.node.attrs.value as ScoreBlock["value"];
  }

  protected show(): void {
    for (const [name, input] of this.fields) {
      const value = this.value[name] ?? "";
      if (input.value !== value) input.value = value;
    }
  }

  private side(side: "home" | "away"): HTMLElement {
    const plus = button("+1", () => this.plus(side), { class: "editor-plus", "aria-label": t(`editor_score_plus_${side}`) });
    return h("div", { class: "editor-side" }, this.field(side), this.field(`${side}_score`), plus);
  }

  private field(name: Field): HTMLElement {
    const id = newID();
    const number = name.endsWith("_score");
    const input = h("input", {
      id,
      class: `editor-score-${number ? "number" : name}`,
      autocomplete: "off",
      inputmode: number ? "numeric" : "text",
      required: name === "home" || name === "away",
      dir: "auto",
      oninput: () => this.typed(name),
    });
    this.fields.set(name, input);
    return h("div", { class: "editor-field" }, h("label", { for: id }, t(`editor_score_${name}`)), input);
  }

  private typed(name: Field): void {
    const input = this.fields.get(name);
    if (!input) return;
    const value = clip(input.value, most[name]);
    if (value !== input.value) input.value = value;
    this.set("value", { ...this.value, [name]: value });
  }

  private plus(side: "home" | "away"): void {
    const name = `${side}_score` as const;
    const now = this.value[name].trim();
    if (!/^\d{0,15}$/.test(now)) return;
    this.set("value", { ...this.value, [name]: String(Number(now) + 1) });
  }
}
