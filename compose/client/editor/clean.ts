import type { Mark } from "prosemirror-model";
import { blank, isElement, parse, safeLink } from "./html";
import { schema } from "./schema";
import { ListBuilder } from "./wordlists";
import { Sheets, styled, type Style, styleOf, unseen, unstyled, withStyle } from "./styles";
import { tidy } from "./tidy";

const blocks = new Set(
  ("address article aside body center dd details dir div dl dt fieldset figcaption figure footer form header hgroup html legend main " +
    "menu nav p section summary").split(" "),
);
const silent = new Set(
  ("script style head title meta link base svg math template textarea select option button input xmp plaintext iframe frame frameset " +
    "noscript noembed noframes object embed applet param audio video source track canvas map area col colgroup dialog").split(" "),
);
const markNames: Record<string, string> = {
  b: "strong", strong: "strong", i: "em", em: "em", cite: "em", dfn: "em", var: "em", u: "u", s: "s", strike: "s", del: "s",
  code: "code", kbd: "code", samp: "code", tt: "code", sub: "sub", sup: "sup", mark: "mark",
};

const deepest = 60; // lists in quotes in tables ... of what was pasted
const maxPictures = 20;

export interface Cleaned {
  /** Paragraphs, lists and so on, of elements that the editor knows, without attributes that it does not. */
  body: HTMLElement;
  /** The pictures that were in the HTML itself, in the order of the img elements of body. */
  pictures: { file: Blob; alt: string }[];
}

/** Makes of pasted HTML what the editor can read. What was pasted is only looked at: each element is made anew. */
export function clean(html: string): Cleaned {
  const root = parse(unstyled(html.replace(/\u0000/g, "")));
  return new Cleaner(root).run(root);
}

/** Where text goes: into the open line of a container, or into a new one. */
interface Into {
  box: HTMLElement;
  line: HTMLElement | null;
  lists: ListBuilder;
  one: boolean; // all goes into the line that is open, as in a heading
}

class Cleaner {
  private readonly sheets: Sheets;
  private readonly to: HTMLElement;
  private readonly pictures: Cleaned["pictures"] = [];
  private readonly shift: number;
  private depth = 0;

  constructor(root: HTMLElement) {
    this.sheets = new Sheets(root);
    this.to = parse("");
    this.shift = root.querySelector("h1, .MsoTitle") ? 1 : 0;
  }

  run(root: HTMLElement): Cleaned {
    this.flow(root, this.to, []);
    return { body: this.to, pictures: this.pictures };
  }

  private make(name: string): HTMLElement {
    return this.to.ownerDocument.createElement(name);
  }

  private flow(from: Node, box: HTMLElement, marks: readonly Mark[]): void {
    const into: Into = { box, line: null, lists: new ListBuilder(box), one: false };
    this.visitAll(from, into, marks);
    this.close(into);
  }

  private visitAll(from: Node, into: Into, marks: readonly Mark[]): void {
    if (this.depth > deepest) return this.text(from.textContent ?? "", into, marks);
    this.depth++;
    for (const child of from.childNodes) this.visit(child, into, marks);
    this.depth--;
  }

  private visit(node: Node, into: Into, before: readonly Mark[]): void {
    if (node.nodeType === Node.TEXT_NODE) return this.text(node.nodeValue ?? "", into, before);
    if (!isElement(node) || silent.has(node.localName)) return;
    const name = node.localName;
    const style = this.sheets.of(node);
    if (unseen(node, style)) return;
    const mark = markNames[name];
    let marks = mark ? (schema.marks[mark]?.create().addToSet(before) ?? before) : before;
    marks = styled(style, marks);
    if (name === "br") return this.br(node, into);
    if (name === "img") return this.picture(node, into);
    if (name === "a") marks = this.link(node, marks);
    if (into.one) {
      if (blocks.has(name)) this.space(into);
      return this.visitAll(node, into, marks);
    }
    if (/^h[1-6]$/.test(name) || /(^|\s)MsoTitle(\s|$)/.test(node.className)) return this.heading(node, into, name);
    if (style.has("mso-list") && style.get("mso-list") !== "none" && blocks.has(name)) return this.wordItem(node, into, style, marks);
    switch (name) {
      case "ul":
      case "ol":
        return this.list(node, into, marks);
      case "li": // without a list around it
        this.close(into);
        return this.flow(node, into.lists.place(1, false, null), marks);
      case "blockquote":
        return this.open(into, name, (box) => this.flow(node, box, marks));
      case "pre":
        return this.open(into, name, (box) => (box.textContent = preText(node)));
      case "hr":
        return this.open(into, name, () => undefined);
      case "table":
        return this.table(node, into, marks);
      default:
        if (!blocks.has(name)) return this.visitAll(node, into, marks);
        this.close(into);
        if (!isItem(node)) into.lists.end();
        this.visitAll(node, into, marks);
        this.close(into);
    }
  }

  private text(pasted: string, into: Into, marks: readonly Mark[]): void {
    const text = withStyle(pasted);
    if (!into.line) {
      if (blank(text)) return;
      into.lists.end();
      into.line = into.box.appendChild(this.make("p"));
    }
    let at: HTMLElement = into.line;
    for (const mark of marks) {
      const { name } = mark.type;
      if (name === "strong" && into.one) continue; // headings are bold
      if (name === "u" && schema.marks.link?.isInSet(marks)) continue; // and links have a line
      const element = this.make(name === "link" ? "a" : name);
      if (name === "link") element.setAttribute("href", mark.attrs.href as string);
      at = at.appendChild(element);
    }
    at.append(text);
  }

  private space(into: Into): void {
    if (into.line?.textContent) into.line.append(" ");
  }

  /** Two line breaks in a row are the end of a paragraph. */
  private br(br: HTMLElement, into: Into): void {
    if (/Apple-interchange-newline/.test(br.className) || !into.line) return;
    if (into.one) return this.space(into);
    const last = into.line.lastChild;
    if (isElement(last) && last.localName === "br") {
      last.remove();
      this.close(into);
    } else into.line.append(this.make("br"));
  }

  private link(a: HTMLElement, marks: readonly Mark[]): readonly Mark[] {
    const href = withStyle(a.getAttribute("href") ?? "").trim();
    return safeLink(href) ? (schema.marks.link?.create({ href }).addToSet(marks) ?? marks) : marks;
  }

  /** A picture that is in the HTML becomes a file. One that would have to be loaded from somewhere is left out. */
  private picture(img: HTMLElement, into: Into): void {
    const file = fileOf(img.getAttribute("src") ?? "");
    if (!file || this.pictures.length === maxPictures) return;
    this.close(into);
    this.pictures.push({ file, alt: withStyle(img.getAttribute("alt") ?? "").slice(0, 500) });
    this.to.append(this.make("img"));
  }

  /** Ends the open line. A line without text is left out. */
  private close(into: Into): void {
    const { line } = into;
    into.line = null;
    if (!line) return;
    trimEnd(line);
    if ((line.textContent ?? "").trim() === "") line.remove();
  }

  private open(into: Into, name: string, fill: (box: HTMLElement) => void): void {
    this.close(into);
    into.lists.end();
    const box = into.box.appendChild(this.make(name));
    fill(box);
    if (name !== "hr" && (box.textContent ?? "").trim() === "") box.remove();
  }

  private heading(node: HTMLElement, into: Into, name: string): void {
    const level = /^h[1-6]$/.test(name) ? Number(name[1]) + this.shift : 2;
    this.open(into, `h${Math.min(Math.max(level, 2), 4)}`, (line) =>
      this.visitAll(node, { box: into.box, line, lists: into.lists, one: true }, []));
  }

  private list(list: HTMLElement, into: Into, marks: readonly Mark[]): void {
    this.close(into);
    const numbers = list.localName === "ol";
    const online = list.querySelector(":scope > li[data-aria-level]"); // Word for the web: a list for each item
    if (!online) into.lists.end();
    const box = online ? null : into.box.appendChild(this.make(list.localName));
    const start = list.getAttribute("start") ?? "";
    if (box && numbers && /^-?\d{1,9}$/.test(start) && start !== "1") box.setAttribute("start", start);
    let item: HTMLElement | undefined;
    for (const child of list.childNodes) {
      if (isElement(child) && /^[uo]l$/.test(child.localName) && item && box) {
        this.list(child, { box: item, line: null, lists: new ListBuilder(item), one: false }, marks);
      } else if (isElement(child) && child.localName === "li") {
        const style = this.sheets.of(child);
        const level = Math.min(Number(child.getAttribute("data-aria-level")) || 1, 9);
        item = box ? box.appendChild(this.make("li")) : into.lists.place(level, numbers, start || null);
        this.flow(child, item, styled(style, marks));
      } else if (isElement(child) || !blank(child.nodeValue ?? "")) {
        item = box ? box.appendChild(this.make("li")) : into.lists.place(1, numbers, null);
        const holder = this.make("div");
        holder.append(child.cloneNode(true));
        this.flow(holder, item, marks);
      }
      if (item && (item.textContent ?? "").trim() === "") {
        item.remove();
        item = undefined;
      }
    }
    if (box && !box.firstChild) box.remove();
  }

  /** A paragraph that Word shows as a list item. */
  private wordItem(node: HTMLElement, into: Into, style: Style, marks: readonly Mark[]): void {
    this.close(into);
    const level = Math.min(Number(/level(\d+)/.exec(style.get("mso-list") ?? "")?.[1] ?? 1), 9);
    const marker = markerOf(node);
    const number = /^\(?(\d+|[a-z]{1,4})[.)]/i.exec(marker);
    const start = number?.[1] && /^\d+$/.test(number[1]) ? number[1] : null;
    const item = into.lists.place(level, number !== null, start);
    this.flow(node, item, marks);
    if ((item.textContent ?? "").trim() === "") item.remove();
  }

  private table(table: HTMLElement, into: Into, marks: readonly Mark[]): void {
    this.open(into, "table", (box) => {
      const body = this.make("tbody");
      for (const tr of table.querySelectorAll("tr")) {
        if (tr.closest("table") !== table || unseen(tr, this.sheets.of(tr))) continue;
        const row = this.make("tr");
        for (const cell of tr.children) {
          if (cell.localName !== "td" && cell.localName !== "th") continue;
          const made = row.appendChild(this.make(cell.localName));
          for (const span of ["colspan", "rowspan"]) {
            const value = cell.getAttribute(span) ?? "";
            if (/^([2-9]|[1-9]\d)$/.test(value)) made.setAttribute(span, value);
          }
          this.flow(cell, made, styled(this.sheets.of(cell), marks));
        }
        body.append(row);
      }
      const caption = [...table.children].find((c) => c.localName === "caption")?.textContent?.trim();
      if (caption) box.appendChild(this.make("caption")).textContent = withStyle(caption).replace(/\s+/g, " ");
      box.append(body);
      tidy(box, body);
    });
  }
}

const isItem = (node: HTMLElement): boolean => /(^|\s)ListContainerWrapper(\s|$)/.test(node.className);

/** Returns the bullet or number that Word writes before a list item. */
function markerOf(node: HTMLElement): string {
  for (const span of node.querySelectorAll<HTMLElement>("*")) {
    if (/mso-list:\s*ignore/i.test(styleOf(span))) return (span.textContent ?? "").trim();
  }
  return "";
}

function preText(pre: HTMLElement): string {
  const copy = pre.cloneNode(true) as HTMLElement;
  for (const br of copy.querySelectorAll("br")) br.replaceWith("\n");
  for (const other of copy.querySelectorAll([...silent].join())) other.remove();
  return withStyle(copy.textContent ?? "").replace(/\r\n?/g, "\n").replace(/\n+$/, "");
}

/** Takes away what stands at the end of a line and is not seen. Word for the web ends each paragraph with such a space. */
function trimEnd(line: HTMLElement): void {
  for (let end = line.lastChild; end; end = line.lastChild) {
    if (isElement(end) && end.localName !== "br") return trimEnd(end);
    const text = isElement(end) ? "" : (end.nodeValue ?? "").replace(/[\s\u00a0]+$/, "");
    if (text) {
      end.nodeValue = text;
      return;
    }
    end.remove();
  }
}

/** Returns the file of a data: address of a picture. */
export function fileOf(src: string): Blob | null {
  const [, type = "", data = ""] = /^\s*data:(image\/(?!svg)[\w.+-]+)(?:;[\w=.-]+)*;base64,([\s\S]*)$/i.exec(src) ?? [];
  if (!type || !data) return null;
  try {
    const bytes = atob(data.replace(/\s+/g, ""));
    return new Blob([Uint8Array.from(bytes, (c) => c.charCodeAt(0))], { type });
  } catch {
    return null;
  }
}
