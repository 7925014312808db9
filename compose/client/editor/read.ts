import { type Attrs, Fragment, type Mark, type Node as PMNode, type NodeType } from "prosemirror-model";
import { TableMap } from "prosemirror-tables";
import { blank, isElement, safeLink, write, writeAll } from "./html";
import { last } from "./last";
import { keeps, keepsAttribute } from "./safe";
import { citeNode, markType, nodeType, schema, simpleMarks } from "./schema";

/** Tells that the editor can't hold something without changing it. */
class Unknown extends Error {}

const inlines = new Set(
  "a abbr b bdi bdo br cite code del dfn em i ins kbd mark q s samp small span strong sub sup time u var wbr".split(" "),
);
const simple: Record<string, string> = { b: "strong", i: "em" };
for (const name of simpleMarks) simple[name] = name;

/** Reports whether a node stands within a line. An element that nobody knows does. */
export function inLine(node: Node): boolean {
  if (!isElement(node)) return true;
  return inlines.has(node.localName) || !keeps(node.localName);
}

/** What was made of one element, or of text that stands between elements. */
export interface Chunk {
  node: PMNode | null; // null: white space alone
  html: string;
}

/** Reads what stands side by side in a post, a list item, a cell or a quote. What the editor does not know becomes opaque. */
export function readChunks(nodes: readonly Node[]): Chunk[] {
  const chunks: Chunk[] = [];
  let run: Node[] = [];
  const flush = (): void => {
    if (run.length > 0) chunks.push({ node: readRun(run), html: writeAll(run) });
    run = [];
  };
  for (const node of nodes) {
    if (inLine(node)) run.push(node);
    else {
      flush();
      chunks.push({ node: readElement(node as HTMLElement), html: write(node) });
    }
  }
  flush();
  return chunks;
}

function readRun(run: Node[]): PMNode | null {
  if (run.every((n) => n.nodeType === Node.COMMENT_NODE || (n.nodeType === Node.TEXT_NODE && blank(n.nodeValue ?? "")))) {
    return null;
  }
  return orOpaque(() => nodeType("paragraph").create({ wrap: "" }, readInline(run)), () => writeAll(run));
}

function readElement(element: HTMLElement): PMNode {
  return orOpaque(() => readBlock(element), () => write(element));
}

function orOpaque(read: () => PMNode, html: () => string): PMNode {
  try {
    const node = read();
    node.check();
    return node;
  } catch (problem) {
    if (!(problem instanceof Unknown || problem instanceof RangeError)) throw problem;
    return nodeType("opaque").create({ html: html() });
  }
}

function readFlow(nodes: Iterable<Node>): PMNode[] {
  return readChunks([...nodes]).flatMap((c) => c.node ?? []);
}

/** Reads the attributes of an element. It throws Unknown if there are others. */
function attrsOf(element: Element, ...names: string[]): Record<string, string> {
  const attrs: Record<string, string> = {};
  for (const { name, value } of element.attributes) {
    if (!(name === "lang" || name === "dir" || names.includes(name)) || !keepsAttribute(name, value)) throw new Unknown(name);
    attrs[name] = value;
  }
  return attrs;
}

function readBlock(element: HTMLElement): PMNode {
  const make = (name: string, attrs: Attrs, content?: Fragment | PMNode[]): PMNode =>
    nodeType(name).create({ ...own(element), ...attrs }, content);
  const name = element.localName;
  switch (name) {
    case "p":
    case "div":
      return make("paragraph", { wrap: name }, readInline(element.childNodes));
    case "h1": case "h2": case "h3": case "h4": case "h5": case "h6":
      return make("heading", { level: Number(name[1]) }, readInline(element.childNodes));
    case "blockquote":
      return make("blockquote", {}, readQuote(element));
    case "ul":
      return make("bullet_list", {}, readItems(element));
    case "ol": {
      const { start, reversed } = attrsOf(element, "start", "reversed");
      return make("ordered_list", { start: start ?? null, reversed: reversed !== undefined }, readItems(element));
    }
    case "pre":
      return make("code_block", ...readCode(element));
    case "hr":
      if (element.attributes.length > 0) throw new Unknown(name);
      return make("rule", {});
    case "table":
      return readTable(element);
    default:
      throw new Unknown(name);
  }
}

/** The attributes that every element may have. An ol and cells have more, and ask for them first. */
function own(element: Element): Attrs {
  const more: Record<string, string[]> = {
    ol: ["start", "reversed"], li: ["value"], td: ["colspan", "rowspan"], th: ["colspan", "rowspan", "scope"],
  };
  const { lang, dir } = attrsOf(element, ...(more[element.localName] ?? []));
  return { lang: lang ?? null, dir: dir ?? null };
}

function emptyLine(): PMNode {
  return nodeType("paragraph").create({ wrap: "" });
}

function readQuote(element: HTMLElement): PMNode[] {
  const children = [...element.childNodes];
  while (children.length > 0 && last(children)?.nodeType === Node.TEXT_NODE && blank(last(children)?.nodeValue ?? "")) children.pop();
  let by = last(children);
  const before = last(children.slice(0, -1).filter((n) => isElement(n) || !blank(n.nodeValue ?? "")));
  if (isElement(by) && by.localName === "cite" && (!before || !inLine(before))) children.pop();
  else by = undefined;
  const flow = readFlow(children);
  const cite = isElement(by)
    ? citeNode(own(by), readInline(by.childNodes))
    : citeNode();
  return [...(flow.length > 0 ? flow : [emptyLine()]), cite];
}

function readItems(element: HTMLElement): PMNode[] {
  return childrenOf(element, ["li"]).map((li) => {
    const { value } = attrsOf(li, "value");
    const flow = readFlow(li.childNodes);
    if (flow[0]?.type.name !== "paragraph") flow.unshift(emptyLine());
    return nodeType("list_item").create({ value: value ?? null, ...own(li) }, flow);
  });
}

/** Returns the children, which must be elements of these names. */
function childrenOf(element: HTMLElement, names: string[]): HTMLElement[] {
  return [...element.childNodes].flatMap((child) => {
    if (isElement(child) && names.includes(child.localName)) return child;
    if (child.nodeType === Node.TEXT_NODE && blank(child.nodeValue ?? "")) return [];
    throw new Unknown(element.localName);
  });
}

function readCode(element: HTMLElement): [Attrs, PMNode[]] {
  const only = element.childNodes.length === 1 ? element.firstChild : null;
  const code = isElement(only) && only.localName === "code" && only.attributes.length === 0 ? only : null;
  const from = code ?? element;
  for (const child of from.childNodes) if (child.nodeType !== Node.TEXT_NODE) throw new Unknown("pre");
  const text = from.textContent ?? "";
  return [{ code: code !== null }, text ? [schema.text(text)] : []];
}

function readTable(element: HTMLElement): PMNode {
  let caption = "";
  const rows: PMNode[] = [];
  let before = "";
  for (const child of childrenOf(element, ["caption", "thead", "tbody", "tfoot"])) {
    const section = child.localName;
    if (section === "caption") {
      if (child.attributes.length > 0 || caption) throw new Unknown(section);
      caption = writeAll(child.childNodes);
      continue;
    }
    const found = childrenOf(child, ["tr"]);
    if (section === before || found.length === 0 || child.attributes.length > 0) throw new Unknown(section);
    before = section;
    for (const tr of found) {
      const cells = childrenOf(tr, ["td", "th"]).map(readCell);
      rows.push(nodeType("table_row").create({ section, ...own(tr) }, cells));
    }
  }
  const table = nodeType("table").create({ caption, ...own(element) }, rows);
  table.check();
  if (TableMap.get(table).problems?.length) throw new Unknown("table"); // prosemirror-tables would mend it
  return table;
}

function readCell(cell: HTMLElement): PMNode {
  const header = cell.localName === "th";
  const { colspan, rowspan, scope } = attrsOf(cell, "colspan", "rowspan", ...(header ? ["scope"] : []));
  const flow = readFlow(cell.childNodes);
  return nodeType(header ? "table_header" : "table_cell").create(
    { colspan: Number(colspan ?? 1), rowspan: Number(rowspan ?? 1), scope: scope ?? null, ...own(cell) },
    flow.length > 0 ? flow : [emptyLine()],
  );
}

let others = 0;

/** Reads a line of text. White space is what a browser would show of it. */
export function readInline(nodes: Iterable<Node>): Fragment {
  const out: PMNode[] = [];
  let gap = true; // white space that comes now is not seen
  const add = (text: string, marks: readonly Mark[]): void => {
    let seen = text.replace(/[ \t\n\f\r]+/g, " ");
    if (gap) seen = seen.replace(/^ /, "");
    if (seen) {
      out.push(schema.text(seen, marks));
      gap = seen.endsWith(" ");
    }
  };
  const leaf = (type: NodeType, attrs: Attrs | null, marks: readonly Mark[]): void => {
    out.push(type.create(attrs, null, marks));
    gap = type.name === "hard_break";
  };
  const visit = (node: Node, marks: readonly Mark[]): void => {
    if (node.nodeType === Node.TEXT_NODE) return add(node.nodeValue ?? "", marks);
    if (!isElement(node)) return;
    if (node.localName === "br" && node.attributes.length === 0) return leaf(nodeType("hard_break"), null, marks);
    const mark = inlineMark(node);
    if (!mark) return leaf(nodeType("bit"), { html: write(node) }, marks);
    const inner = mark.addToSet(marks);
    for (const child of node.childNodes) visit(child, inner);
  };
  for (const node of nodes) visit(node, []);
  const end = last(out);
  if (end?.isText && end.text?.endsWith(" ")) {
    out.pop();
    if (end.text.length > 1) out.push(end.cut(0, end.text.length - 1));
  }
  return Fragment.fromArray(joined(out));
}

/** Joins texts of the same marks. A document must not have two of them side by side. */
function joined(nodes: PMNode[]): PMNode[] {
  const out: PMNode[] = [];
  for (const node of nodes) {
    const end = last(out);
    if (end?.isText && node.isText && end.sameMarkup(node)) out[out.length - 1] = schema.text(`${end.text}${node.text}`, node.marks);
    else out.push(node);
  }
  return out;
}

/** Returns the mark of an inline element, or null if it is to be kept as it is. */
function inlineMark(element: HTMLElement): Mark | null {
  const name = element.localName;
  if (!keeps(name)) return null;
  if (!inLine(element) || !lines(element)) throw new Unknown(name);
  const attrs = Object.fromEntries([...element.attributes].map((a) => [a.name, a.value]));
  const names = Object.keys(attrs);
  const plain = simple[name];
  if (plain && names.length === 0) return markType(plain).create();
  if (name === "a" && attrs.href !== undefined && safeLink(attrs.href) && names.every((n) => ["href", "title", "rel"].includes(n))) {
    return markType("link").create({ href: attrs.href, title: attrs.title ?? null });
  }
  const fine = names.every((n) => keepsAttribute(n, attrs[n] ?? "") || (name === "a" && /^(rel|href)$/.test(n)));
  if (!fine || (name === "a" && !safeLink(attrs.href ?? "")) || !element.textContent) return null;
  return markType("other").create({ tag: name, attrs, id: ++others });
}

/** Reports whether an element has nothing but lines in it. */
function lines(element: HTMLElement): boolean {
  return [...element.childNodes].every(inLine);
}
