import type { Node, NodeSpec } from "prosemirror-model";

const own = { lang: { default: null }, dir: { default: null } };

const cell = { colspan: { default: 1 }, rowspan: { default: 1 }, colwidth: { default: null }, scope: { default: null }, ...own };

function attrsOf(node: Node): Record<string, string> {
  const attrs: Record<string, string> = {};
  for (const name of ["lang", "dir", "scope"]) if (node.attrs[name]) attrs[name] = node.attrs[name] as string;
  for (const name of ["colspan", "rowspan"]) if (node.attrs[name] > 1) attrs[name] = String(node.attrs[name]);
  return attrs;
}

function cellFrom(element: HTMLElement) {
  const span = (name: string): number => Math.min(Math.max(Number(element.getAttribute(name)) || 1, 1), 99);
  return { colspan: span("colspan"), rowspan: span("rowspan") };
}

/** The nodes of tables, with the roles that prosemirror-tables asks for. */
export const tableNodes: Record<string, NodeSpec> = {
  table: {
    content: "table_row+",
    tableRole: "table",
    isolating: true,
    group: "flow",
    // The caption is HTML, as the sanitiser leaves it: a table's children must be rows. The bar of the table changes it.
    attrs: { caption: { default: "" }, ...own },
    parseDOM: [{ tag: "table" }],
    toDOM: (n) => [
      "div",
      { class: "editor-table" },
      ["table", attrsOf(n), ["caption", { contenteditable: "false" }, wordsOf(n.attrs.caption as string)], ["tbody", 0]],
    ],
  },
  table_row: {
    content: "(table_cell | table_header)*",
    tableRole: "row",
    // The section that it stands in. null: that of the row before.
    attrs: { section: { default: null }, ...own },
    parseDOM: [{ tag: "tr" }],
    toDOM: (n) => ["tr", attrsOf(n), 0],
  },
  table_cell: {
    content: "flow+",
    tableRole: "cell",
    isolating: true,
    attrs: cell,
    parseDOM: [{ tag: "td", getAttrs: cellFrom }],
    toDOM: (n) => ["td", attrsOf(n), 0],
  },
  table_header: {
    content: "flow+",
    tableRole: "header_cell",
    isolating: true,
    attrs: cell,
    parseDOM: [{ tag: "th", getAttrs: cellFrom }],
    toDOM: (n) => ["th", attrsOf(n), 0],
  },
};

/** Returns the text of HTML. It is parsed in a document that loads and runs nothing. */
export function wordsOf(html: string): string {
  if (!/[<&]/.test(html)) return html;
  return new DOMParser().parseFromString(html, "text/html").body.textContent ?? "";
}
