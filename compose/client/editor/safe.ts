import { isElement, parse, safeLink } from "./html";

// What the sanitiser of the server keeps. Anything else is left out, with its text where it is no text to read.
const elements = new Set(
  ("a abbr b bdi bdo blockquote br caption cite code dd del dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i ins kbd li mark ol p pre q s " +
    "samp small span strong sub sup table tbody td tfoot th thead time tr u ul var wbr").split(" "),
);
const silent = new Set(
  "script style svg math template textarea select xmp plaintext iframe noscript object embed title noembed noframes audio video".split(" "),
);

const values: Record<string, RegExp> = {
  lang: /^[A-Za-z0-9-]{1,35}$/,
  dir: /^(ltr|rtl|auto)$/,
  title: /^/,
  datetime: /^/,
  start: /^-?\d+$/,
  value: /^-?\d+$/,
  reversed: /^(reversed)?$/,
  colspan: /^[1-9]\d?$/,
  rowspan: /^[1-9]\d?$/,
  scope: /^(row|col)(group)?$/,
};

/** Reports whether the sanitiser keeps an element of this name. */
export const keeps = (name: string): boolean => elements.has(name);

/** Reports whether an attribute other than href may be shown. */
export const keepsAttribute = (name: string, value: string): boolean => values[name]?.test(value) ?? false;

/** Returns what may be shown of HTML, made anew for the page. Nothing in it can run, load or be clicked. */
export function shown(html: string): DocumentFragment {
  const to = document.createDocumentFragment();
  copyAll(parse(html), to, 0);
  return to;
}

function copyAll(from: Node, to: Node, depth: number): void {
  for (const child of from.childNodes) copy(child, to, depth);
}

function copy(node: Node, to: Node, depth: number): void {
  if (node.nodeType === Node.TEXT_NODE) to.appendChild(document.createTextNode(node.nodeValue ?? ""));
  if (!isElement(node) || depth > 200) return;
  const name = node.localName;
  if (silent.has(name)) return;
  if (!elements.has(name) || node.namespaceURI !== "http://www.w3.org/1999/xhtml") return copyAll(node, to, depth + 1);
  const element = document.createElement(name);
  for (const { name: key, value } of node.attributes) {
    if (keepsAttribute(key, value)) element.setAttribute(key, value);
    if (name === "a" && key === "href" && safeLink(value)) element.title = value;
  }
  copyAll(node, element, depth + 1);
  to.appendChild(element);
}
