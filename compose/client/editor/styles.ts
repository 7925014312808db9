import type { Mark } from "prosemirror-model";
import { markType } from "./schema";

/** The declarations of a style attribute or a rule. Names and values are in lower case. */
export type Style = ReadonlyMap<string, string>;

export function declarations(css: string): Map<string, string> {
  const style = new Map<string, string>();
  for (const part of css.split(";")) {
    const at = part.indexOf(":");
    if (at > 0) style.set(part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim().toLowerCase());
  }
  return style;
}

const token = "\ue000";
const styleName = `style${token}`;

/**
 * Gives style attributes and elements, and handlers of events, other names. The page's policy would report each of them, also in a
 * document that shows and runs nothing. Text where the same stands gets its words back by withStyle.
 */
export function unstyled(html: string): string {
  return html.replace(/(<\/?)style\b/gi, "$1xmp").replace(/(?:style|on[a-z]+)(?=\s*=)/gi, (name) => name + token);
}

export const withStyle = (text: string): string => text.replace(/(style|on[a-z]+)\ue000/gi, "$1");

/** Returns the style attribute of an element that was pasted. */
export const styleOf = (element: Element): string => element.getAttribute(styleName) ?? "";

/** The style sheets of what was pasted. Only rules of one class are read: Excel and Apple's programs write such. */
export class Sheets {
  private readonly classes = new Map<string, Style>();

  constructor(root: ParentNode) {
    for (const { textContent } of root.querySelectorAll("xmp")) {
      for (const [, selectors = "", body = ""] of (textContent ?? "").slice(0, 1 << 20).matchAll(/([^{}]{1,500})\{([^{}]*)\}/g)) {
        for (const selector of selectors.split(",")) {
          const name = /^(?:[\s\S]*-->|[\s\S]*<!--)?\s*[a-z0-9]*\.([\w-]+)\s*$/i.exec(selector)?.[1];
          if (name) this.classes.set(name, declarations(body));
        }
      }
    }
  }

  /** Returns the style of an element: that of its classes, and its own. */
  of(element: Element): Style {
    const style = new Map<string, string>();
    for (const name of element.classList) for (const [key, value] of this.classes.get(name) ?? []) style.set(key, value);
    for (const [key, value] of declarations(styleOf(element))) style.set(key, value);
    return style;
  }
}

const weight = (style: Style): string | undefined =>
  style.get("font-weight") ?? (/(^|\s)(bold|[6-9]00)(\s|$)/.test(style.get("font") ?? "") ? "bold" : undefined);

const slant = (style: Style): string | undefined =>
  style.get("font-style") ?? (/(^|\s)(italic|oblique)(\s|$)/.test(style.get("font") ?? "") ? "italic" : undefined);

/** Returns the marks that text has under a style, if it had these before. Only what a reader is to notice counts. */
export function styled(style: Style, marks: readonly Mark[]): readonly Mark[] {
  let out = marks;
  const set = (name: string, on: boolean): void => {
    const type = markType(name);
    out = on ? type.create().addToSet(out) : type.removeFromSet(out);
  };
  const bold = weight(style);
  if (bold !== undefined) set("strong", bold === "bold" || bold === "bolder" || Number(bold) >= 600);
  const italic = slant(style);
  if (italic !== undefined) set("em", /^(italic|oblique)/.test(italic));
  const line = `${style.get("text-decoration") ?? ""} ${style.get("text-decoration-line") ?? ""}`;
  if (line.includes("underline")) set("u", true);
  if (line.includes("line-through")) set("s", true);
  const raised = style.get("vertical-align");
  if (raised === "super") set("sup", true);
  if (raised === "sub") set("sub", true);
  return out;
}

/** Reports whether an element is not seen, or is a remark, a change or a marker of a word processor. */
export function unseen(element: Element, style: Style): boolean {
  const name = element.localName;
  if (style.get("display") === "none" || style.get("mso-hide") === "all" || element.hasAttribute("hidden")) return true;
  if (style.get("mso-list") === "ignore") return true; // the bullet or number of a list item
  if (/^comment(-list)?$/.test(style.get("mso-element") ?? "") || style.get("mso-special-character") === "comment") return true;
  if (/(^|\s)(msocom\w*|MsoCommentReference|msoDel|sdcomment\w*)(\s|$)/i.test(element.className)) return true;
  // Text that was deleted with changes being tracked. What was put in is text as any other.
  return name === "del" && (element.hasAttribute("cite") || element.hasAttribute("datetime"));
}
