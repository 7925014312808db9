import { type Attrs, type DOMOutputSpec, type Fragment, type MarkSpec, type Node, type NodeSpec, Schema } from "prosemirror-model";
import type { Block, EmbedBlock, ImageBlock, ScoreBlock } from "../model";
import { tableNodes } from "./tablenodes";

/** Attributes that every element of a post may have. */
export const own = { lang: { default: null }, dir: { default: null } };

/** The attributes of own, for a DOM element. */
export function ownOf(node: Node): Record<string, string> {
  const attrs: Record<string, string> = {};
  if (node.attrs.lang) attrs.lang = node.attrs.lang as string;
  if (node.attrs.dir) attrs.dir = node.attrs.dir as string;
  return attrs;
}

export function ownFrom(element: HTMLElement): Attrs {
  return { lang: element.getAttribute("lang"), dir: element.getAttribute("dir") };
}

/**
 * How a paragraph is written: "p" and "div" are elements, "" is text without one. null is what the editor makes itself: a p,
 * or bare text where a list item or a cell has nothing else.
 */
export type Wrap = "p" | "div" | "" | null;

const nodes: Record<string, NodeSpec> = {
  doc: { content: "(flow | media)+" },
  paragraph: {
    content: "inline*",
    group: "flow",
    attrs: { wrap: { default: null }, ...own },
    parseDOM: [{ tag: "p", getAttrs: ownFrom }, { tag: "div", priority: 10 }],
    toDOM: (n) => ["p", ownOf(n), 0],
  },
  heading: {
    content: "inline*",
    group: "flow",
    defining: true,
    attrs: { level: { default: 2 }, ...own },
    parseDOM: [1, 2, 3, 4, 5, 6].map((level) => ({ tag: `h${level}`, getAttrs: (e) => ({ level, ...ownFrom(e) }) })),
    toDOM: (n) => [`h${n.attrs.level}`, ownOf(n), 0],
  },
  blockquote: {
    content: "flow+ cite?",
    group: "flow",
    defining: true,
    attrs: own,
    parseDOM: [{ tag: "blockquote", getAttrs: ownFrom }],
    toDOM: (n) => ["blockquote", ownOf(n), 0],
  },
  // Who said it. A quote that the editor makes always has one. It is not written while it is empty. An attribute without a
  // default keeps ProseMirror from making one where it needs just any line.
  cite: {
    content: "inline*",
    defining: true,
    attrs: { by: {}, ...own },
    toDOM: (n) => ["cite", { class: "editor-cite", ...ownOf(n) }, 0],
  },
  bullet_list: {
    content: "list_item+",
    group: "flow",
    attrs: own,
    parseDOM: [{ tag: "ul", getAttrs: ownFrom }],
    toDOM: (n) => ["ul", ownOf(n), 0],
  },
  ordered_list: {
    content: "list_item+",
    group: "flow",
    attrs: { start: { default: null }, reversed: { default: false }, ...own },
    parseDOM: [{ tag: "ol", getAttrs: ownFrom }],
    toDOM: (n) => {
      const attrs = ownOf(n);
      if (n.attrs.start !== null) attrs.start = n.attrs.start as string;
      if (n.attrs.reversed) attrs.reversed = "";
      return ["ol", attrs, 0];
    },
  },
  list_item: {
    content: "paragraph flow*",
    defining: true,
    attrs: { value: { default: null }, ...own },
    parseDOM: [{ tag: "li", getAttrs: ownFrom }],
    toDOM: (n) => ["li", n.attrs.value === null ? ownOf(n) : { value: n.attrs.value as string, ...ownOf(n) }, 0],
  },
  code_block: {
    content: "text*",
    marks: "",
    group: "flow",
    code: true,
    defining: true,
    attrs: { code: { default: true }, ...own },
    parseDOM: [{ tag: "pre", preserveWhitespace: "full", getAttrs: ownFrom }],
    toDOM: (n) => ["pre", ownOf(n), ["code", 0]],
  },
  rule: { group: "flow", parseDOM: [{ tag: "hr" }], toDOM: () => ["hr"] },
  ...tableNodes,
  /** HTML that the editor does not know. It is kept as it is. */
  opaque: { group: "flow", atom: true, attrs: { html: {} }, toDOM: () => ["div", { class: "editor-opaque" }] },
  image: { group: "media", atom: true, draggable: true, attrs: { value: {} }, toDOM: imageDOM },
  embed: { group: "media", atom: true, draggable: true, attrs: { value: {} }, toDOM: embedDOM },
  score: { group: "media", atom: true, draggable: true, attrs: { value: {} }, toDOM: scoreDOM },
  /** A block of a type that this version does not know. */
  foreign: { group: "media", atom: true, attrs: { block: {} }, toDOM: () => ["div", { class: "editor-opaque" }] },
  text: { group: "inline" },
  hard_break: {
    inline: true,
    group: "inline",
    selectable: false,
    linebreakReplacement: true,
    parseDOM: [{ tag: "br" }],
    toDOM: () => ["br"],
  },
  /** An inline element that the editor does not know and that has no text of its own, such as wbr. */
  bit: { inline: true, group: "inline", atom: true, attrs: { html: {} }, toDOM: () => ["span", { class: "editor-bit" }] },
};

// These are what else may stand in a clipboard.
function imageDOM(n: Node): DOMOutputSpec {
  return ["p", { class: "editor-copied" }, (n.attrs.value as ImageBlock["value"]).alt];
}

function embedDOM(n: Node): DOMOutputSpec {
  const { url } = n.attrs.value as EmbedBlock["value"];
  return ["p", { class: "editor-copied" }, ["a", { href: url }, url]];
}

function scoreDOM(n: Node): DOMOutputSpec {
  const v = n.attrs.value as ScoreBlock["value"];
  return ["p", { class: "editor-copied" }, `${v.home} ${v.home_score} : ${v.away_score} ${v.away}`];
}

/** Marks that are an element without attributes. */
export const simpleMarks = ["strong", "em", "s", "u", "code", "sub", "sup", "mark"] as const;

const also: Record<string, string[]> = { strong: ["b"], em: ["i"], s: ["strike", "del"] };

function simpleMark(tag: string): MarkSpec {
  return {
    parseDOM: [tag, ...(also[tag] ?? [])].map((name) => ({ tag: name })),
    toDOM: () => [tag, 0],
    code: tag === "code",
  };
}

const marks: Record<string, MarkSpec> = {
  /** An inline element that the editor does not know, such as abbr. id keeps two that stand side by side apart. */
  other: {
    attrs: { tag: {}, attrs: {}, id: {} },
    excludes: "",
    inclusive: false,
    toDOM: (m) => [m.attrs.tag as string, m.attrs.attrs as Record<string, string>, 0],
  },
  link: {
    attrs: { href: {}, title: { default: null } },
    inclusive: false,
    toDOM: (m) => ["a", { href: m.attrs.href as string, title: m.attrs.title as string | null, rel: "noopener" }, 0],
  },
  ...Object.fromEntries(simpleMarks.map((name) => [name, simpleMark(name)])),
};

export const schema = new Schema({ nodes, marks });

/** Returns the line of a quote for who said it. */
export function citeNode(attrs: Attrs = {}, content?: Fragment): Node {
  return nodeType("cite").create({ by: true, ...attrs }, content);
}

/** A node type that is known to be there. */
export function nodeType(name: string) {
  const type = schema.nodes[name];
  if (!type) throw new Error(`no node ${name}`);
  return type;
}

/** A mark type that is known to be there. */
export function markType(name: string) {
  const type = schema.marks[name];
  if (!type) throw new Error(`no mark ${name}`);
  return type;
}

/** Returns the node of a block that is not text. */
export function mediaNode(block: Block): Node {
  switch (block.type) {
    case "image":
    case "embed":
    case "score":
      return nodeType(block.type).create({ value: block.value });
    default:
      return nodeType("foreign").create({ block });
  }
}
