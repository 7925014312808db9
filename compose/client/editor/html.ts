/** Parses HTML into a document that loads nothing and runs no script. Nothing of it may get into the page as it is. */
export function parse(html: string): HTMLElement {
  const { body } = new DOMParser().parseFromString("", "text/html");
  body.innerHTML = html; // as the server parses a post: as what stands in a body
  return body;
}

export function escapeText(s: string): string {
  return s.replace(/[&<>\r]/g, (c) => textEscapes[c] ?? c);
}

export function escapeValue(s: string): string {
  return s.replace(/[&<>"'\r]/g, (c) => valueEscapes[c] ?? c);
}

const textEscapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;" };
const valueEscapes: Record<string, string> = { ...textEscapes, '"': "&#34;", "'": "&#39;" };

const voids = new Set(["br", "hr", "wbr", "img", "input", "link", "meta", "area", "base", "col", "embed", "source", "track", "param"]);

/** Writes a node as the server's sanitiser writes it. */
export function write(node: Node): string {
  if (node.nodeType === Node.TEXT_NODE) return escapeText(node.nodeValue ?? "");
  if (!(isElement(node))) return "";
  const name = node.localName;
  let out = `<${name}`;
  for (const { name: key, value } of node.attributes) out += ` ${key}="${escapeValue(value)}"`;
  out += ">";
  if (voids.has(name)) return out;
  const first = node.firstChild;
  if (name === "pre" && first?.nodeType === Node.TEXT_NODE && first.nodeValue?.startsWith("\n")) out += "\n";
  return `${out}${writeAll(node.childNodes)}</${name}>`;
}

export function writeAll(nodes: Iterable<Node>): string {
  let out = "";
  for (const node of nodes) out += write(node);
  return out;
}

/** Reports whether a node is an element. It may be of another document. */
export function isElement(node: Node | null | undefined): node is HTMLElement {
  return node?.nodeType === Node.ELEMENT_NODE;
}

/** White space as HTML has it. A no-break space is none. */
export const blank = (s: string): boolean => !/[^ \t\n\f\r]/.test(s);

/** Reports whether an address is one that a link of a post may have. */
export function safeLink(href: string): boolean {
  if (/[\u0000-\u0020]/.test(href)) return false;
  try {
    const { protocol } = new URL(href); // an address without a scheme is refused too
    return protocol === "http:" || protocol === "https:" || protocol === "mailto:";
  } catch {
    return false;
  }
}
