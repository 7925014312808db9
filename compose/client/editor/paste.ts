import { Fragment, type Node as PMNode, type Slice } from "prosemirror-model";
import { Plugin, TextSelection } from "prosemirror-state";
import { handlePaste as pasteIntoTable } from "prosemirror-tables";
import type { EditorView } from "prosemirror-view";
import { clean } from "./clean";
import { Copied } from "./copied";
import { blank, isElement } from "./html";
import { insertBlocks, insertFlow } from "./insert";
import { maxURL, webAddress } from "./address";
import { readChunks } from "./read";
import { markType, mediaNode, nodeType, schema } from "./schema";

/** What pasting needs of the editor. */
export interface Taker {
  /** Takes files. Those that are no images are refused. */
  files(files: File[], at?: number): void;
  /** Returns a node that shows a picture. */
  picture(file: Blob, alt: string): PMNode;
}

/** Takes what is pasted and dropped. ProseMirror gets to see none of it. */
export function paste(taker: Taker): Plugin {
  const copied = new Copied();
  let shift = false;
  return new Plugin({
    props: {
      transformCopied: (slice) => copied.keep(slice),
      clipboardSerializer: copied.serializer(),
      handleDOMEvents: {
        keydown: (_view, e) => void (shift = e.shiftKey),
        paste: (view, e) => {
          const data = e.clipboardData;
          if (!data || isField(e.target)) return false;
          e.preventDefault();
          const plain = shift || view.state.selection.$from.parent.type.spec.code === true;
          take(view, data, plain, taker, copied, e);
          return true;
        },
        drop: (view, e) => {
          const data = e.dataTransfer;
          if (!data || isField(e.target)) return false;
          if (view.dragging) return false; // it comes from this editor
          e.preventDefault();
          const at = view.posAtCoords({ left: e.clientX, top: e.clientY })?.pos;
          if (at !== undefined) view.dispatch(view.state.tr.setSelection(TextSelection.near(view.state.doc.resolve(at))));
          view.focus();
          take(view, data, false, taker, copied);
          return true;
        },
      },
    },
  });
}

const isField = (target: EventTarget | null): boolean => target instanceof Element && target.closest("input, textarea") !== null;

function take(view: EditorView, data: DataTransfer, plain: boolean, taker: Taker, copied: Copied, event?: ClipboardEvent): void {
  const html = plain ? "" : data.getData("text/html");
  const text = (data.getData("text/plain") || data.getData("text/uri-list")).replace(/\u0000/g, "");
  const own = html && copied.of(html);
  if (own) return insertSlice(view, own, event);
  const url = webAddress(text.trim());
  const files = [...data.files];
  if (url && !plain && files.length === 0) return addLink(view, url);
  const nodes = html ? readPasted(html, taker) : [];
  if (nodes.length > 0 && (files.length === 0 || nodes.some((n) => n.textContent.trim() !== ""))) return insertPasted(view, nodes, event);
  if (files.length > 0) return taker.files(files);
  if (text) insertText(view, text);
}

/** Puts an embed where an address stands alone, and makes a link of what is selected. */
export function addLink(view: EditorView, url: string): void {
  const { state } = view;
  const { $from, from, to, empty } = state.selection;
  const link = markType("link").create({ href: url });
  if (!$from.parent.inlineContent || $from.parent.type.spec.code) return insertText(view, url);
  const alone = $from.depth === 1 && $from.parent.type.name === "paragraph" && $from.parent.content.size === 0;
  if (alone && url.length <= maxURL) return view.dispatch(insertBlocks(state, [mediaNode({ type: "embed", value: { url } })]));
  const tr = empty
    ? state.tr.replaceSelectionWith(schema.text(url, link.addToSet($from.marks())), false)
    : state.tr.addMark(from, to, link);
  view.dispatch(tr.removeStoredMark(link.type).scrollIntoView());
}

/** Reads pasted HTML. Pictures in it stand between the blocks. */
function readPasted(html: string, taker: Taker): PMNode[] {
  const { body, pictures } = clean(html);
  const nodes: PMNode[] = [];
  let run: Node[] = [];
  const flush = (): void => {
    nodes.push(...readChunks(run).flatMap(({ node }) => (node ? ours(node) : [])));
    run = [];
  };
  let i = 0;
  for (const child of body.childNodes) {
    const picture = isElement(child) && child.localName === "img" ? pictures[i++] : undefined;
    if (!picture) run.push(child);
    else {
      flush();
      nodes.push(taker.picture(picture.file, picture.alt));
    }
  }
  flush();
  return nodes;
}

/** Returns the node as one that the editor makes itself. What could not be read is left out, with its text kept. */
function ours(node: PMNode): PMNode {
  if (node.isText || node.isLeaf) {
    if (node.type.name !== "opaque") return node;
    const text = clean(node.attrs.html as string).body.textContent ?? "";
    return nodeType("paragraph").create(null, blank(text) ? null : schema.text(text.replace(/\s+/g, " ")));
  }
  const content = Fragment.fromArray(node.children.map(ours));
  return node.type.create(node.type.name === "paragraph" ? null : node.attrs, content, node.marks);
}

function insertPasted(view: EditorView, nodes: PMNode[], event?: ClipboardEvent): void {
  const { state } = view;
  if (nodes.some((n) => n.type.isInGroup("media")) && state.selection.$from.depth > 0) return view.dispatch(insertBlocks(state, nodes));
  const only = nodes.length === 1 && nodes[0]?.type.name === "table";
  if (only && event && pasteIntoTable(view, event, tableSlice(nodes))) return;
  view.dispatch(insertFlow(state, nodes));
}

function tableSlice(nodes: PMNode[]): Slice {
  return nodeType("doc").create(null, nodes).slice(0);
}

function insertSlice(view: EditorView, slice: Slice, event?: ClipboardEvent): void {
  if (event && pasteIntoTable(view, event, slice)) return;
  view.dispatch(view.state.tr.replaceSelection(slice).scrollIntoView());
}

/** Plain text: a line is a line, and an empty one begins a paragraph. */
export function insertText(view: EditorView, text: string): void {
  const { state } = view;
  const lines = text.replace(/\r\n?/g, "\n").replace(/\n+$/, "");
  const { $from } = state.selection;
  if ($from.parent.type.spec.code) return view.dispatch(state.tr.insertText(lines).scrollIntoView());
  const marks = $from.parent.inlineContent ? (state.storedMarks ?? $from.marks()) : [];
  const nodes = lines.split(/\n[ \t]*(?:\n[ \t]*)+/).flatMap((part) => {
    if (part.trim() === "" && lines.includes("\n")) return [];
    const content = part.split("\n").flatMap((line, i) => [
      ...(i > 0 ? [nodeType("hard_break").create()] : []),
      ...(line ? [schema.text(line.replace(/\t/g, " "), marks)] : []),
    ]);
    return nodeType("paragraph").create(null, content);
  });
  if (nodes.length > 0) view.dispatch(insertFlow(state, nodes));
}
