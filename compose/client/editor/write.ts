import type { Fragment, Mark, Node } from "prosemirror-model";
import { escapeText, escapeValue } from "./html";

const rel = "nofollow noopener"; // what the server gives every link

/** Writes nodes that stand side by side as HTML, in the form that the server's sanitiser gives it. */
export function writeFlow(nodes: readonly Node[], tight = false): string {
  return nodes.map((node, i) => writeNode(node, nodes, i, tight)).join("");
}

/** Writes one of several nodes that stand side by side in a post. */
export function writeAt(nodes: readonly Node[], i: number): string {
  const node = nodes[i];
  return node ? writeNode(node, nodes, i, false) : "";
}

/** Reports whether a paragraph is written as text without an element around it. */
function isBare(node: Node, before: Node | undefined, after: Node | undefined, tight: boolean): boolean {
  if (node.type.name !== "paragraph" || (node.attrs.wrap ?? "") !== "" || node.attrs.lang || node.attrs.dir) return false;
  if (node.attrs.wrap === null && !tight) return false;
  return before?.type.name !== "paragraph" && after?.type.name !== "paragraph";
}

function writeNode(node: Node, all: readonly Node[], i: number, tight: boolean): string {
  switch (node.type.name) {
    case "paragraph": {
      const text = writeInline(node.content);
      if (isBare(node, all[i - 1], all[i + 1], tight)) return text;
      return text && element(node.attrs.wrap === "div" ? "div" : "p", own(node), text);
    }
    case "heading":
      return element(`h${node.attrs.level}`, own(node), writeInline(node.content));
    case "cite": {
      const text = writeInline(node.content);
      return text && element("cite", own(node), text);
    }
    case "blockquote":
      return element("blockquote", own(node), writeFlow(node.children));
    case "bullet_list":
      return element("ul", own(node), writeFlow(node.children));
    case "ordered_list": {
      const more = { start: node.attrs.start as string | null, reversed: node.attrs.reversed ? "" : null };
      return element("ol", { ...more, ...own(node) }, writeFlow(node.children));
    }
    case "list_item":
      return element("li", { value: node.attrs.value as string | null, ...own(node) }, writeFlow(node.children, true));
    case "code_block": {
      const text = escapeText(node.textContent);
      if (node.attrs.code) return element("pre", own(node), `<code>${text}</code>`);
      return element("pre", own(node), text.startsWith("\n") ? `\n${text}` : text); // a parser drops one line break there
    }
    case "rule":
      return "<hr>";
    case "table":
      return writeTable(node);
    case "table_row":
      return element("tr", own(node), writeFlow(node.children));
    case "table_cell":
    case "table_header":
      return element(node.type.name === "table_cell" ? "td" : "th", cellAttrs(node), writeFlow(node.children, true));
    case "opaque":
      return node.attrs.html as string;
    default:
      return "";
  }
}

type Attributes = Record<string, string | null>;

function own(node: Node): Attributes {
  return { lang: node.attrs.lang as string | null, dir: node.attrs.dir as string | null };
}

function cellAttrs(node: Node): Attributes {
  const span = (name: string): string | null => (node.attrs[name] > 1 ? String(node.attrs[name]) : null);
  const scope = node.type.name === "table_header" ? (node.attrs.scope as string | null) : null;
  return { colspan: span("colspan"), rowspan: span("rowspan"), scope, ...own(node) };
}

function element(name: string, attrs: Attributes, content: string): string {
  return `${tag(name, attrs)}${content}</${name}>`;
}

function tag(name: string, attrs: Attributes): string {
  let out = `<${name}`;
  for (const [key, value] of Object.entries(attrs)) if (value !== null) out += ` ${key}="${escapeValue(value)}"`;
  return `${out}>`;
}

function writeTable(table: Node): string {
  let out = table.attrs.caption ? `<caption>${table.attrs.caption}</caption>` : "";
  const rows = table.children;
  const first = rows.find((row) => row.attrs.section)?.attrs.section as string | undefined;
  let open = "";
  let section = first ?? "tbody";
  for (const row of rows) {
    section = (row.attrs.section as string | null) ?? section;
    if (section !== open) out += `${open && `</${open}>`}<${section}>`;
    open = section;
    out += writeNode(row, rows, 0, false);
  }
  return element("table", own(table), `${out}</${open}>`);
}

/** Writes a line of text. Marks that go on from one piece to the next stay open. */
export function writeInline(content: Fragment): string {
  let out = "";
  let open: readonly Mark[] = [];
  const close = (keep: number): void => {
    for (let i = open.length - 1; i >= keep; i--) out += `</${nameOf(open[i] as Mark)}>`;
    open = open.slice(0, keep);
  };
  for (const node of content.content) {
    let keep = 0;
    while (keep < open.length && keep < node.marks.length && open[keep]?.eq(node.marks[keep] as Mark)) keep++;
    close(keep);
    for (const mark of node.marks.slice(keep)) out += tag(nameOf(mark), attrsOf(mark));
    open = node.marks;
    if (node.isText) out += escapeText(node.text ?? "");
    else out += node.type.name === "hard_break" ? "<br>" : (node.attrs.html as string);
  }
  close(0);
  return out;
}

function nameOf(mark: Mark): string {
  if (mark.type.name === "link") return "a";
  return mark.type.name === "other" ? (mark.attrs.tag as string) : mark.type.name;
}

function attrsOf(mark: Mark): Attributes {
  if (mark.type.name === "link") return { href: mark.attrs.href as string, rel, title: mark.attrs.title as string | null };
  return mark.type.name === "other" ? (mark.attrs.attrs as Attributes) : {};
}
