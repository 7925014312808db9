import type { Node, NodeRange } from "prosemirror-model";
import { type Command, type EditorState, Selection, TextSelection, type Transaction } from "prosemirror-state";
import { findWrapping } from "prosemirror-transform";
import { isEmpty } from "./content";
import { citeNode, nodeType } from "./schema";

/** Makes a quote of blocks, with a line for who said it. Returns null if that is not possible there. */
export function wrapQuote(tr: Transaction, range: NodeRange | null): Transaction | null {
  const wrapping = range && findWrapping(range, nodeType("blockquote"));
  if (!range || !wrapping) return null;
  tr.wrap(range, wrapping);
  const quote = tr.doc.nodeAt(range.start);
  if (quote?.type.name !== "blockquote") return null;
  const end = range.start + quote.nodeSize - 1;
  const { anchor, head } = tr.selection;
  tr.insert(end, citeNode());
  return tr.setSelection(TextSelection.create(tr.doc, anchor, head));
}

interface Found {
  node: Node;
  pos: number;
  depth: number;
}

function quoteAround(state: EditorState): Found | null {
  const { $from } = state.selection;
  for (let depth = $from.depth; depth > 0; depth--) {
    const node = $from.node(depth);
    if (node.type.name === "blockquote") return { node, pos: $from.before(depth), depth };
  }
  return null;
}

export const inQuote = (state: EditorState): boolean => quoteAround(state) !== null;

/** Makes a quote, or takes the quote away around what it says. */
export const toggleQuote: Command = (state, dispatch) => {
  const around = quoteAround(state);
  if (!around) {
    const { $from, $to } = state.selection;
    const tr = wrapQuote(state.tr, $from.blockRange($to));
    if (tr) dispatch?.(tr.scrollIntoView());
    return tr !== null;
  }
  const { node, pos } = around;
  const inside = node.children.flatMap((child) => {
    if (child.type.name !== "cite") return child;
    return isEmpty(child) ? [] : nodeType("paragraph").create(null, child.content);
  });
  if (dispatch) {
    const head = state.selection.from;
    const tr = state.tr.replaceWith(pos, pos + node.nodeSize, inside);
    dispatch(tr.setSelection(Selection.near(tr.doc.resolve(Math.min(head - 1, tr.doc.content.size)))).scrollIntoView());
  }
  return true;
};

/** Enter: from the last line of a quote, which is empty, to who said it; and from there to a line after the quote. */
export const leaveQuote: Command = (state, dispatch) => {
  const { $from, empty } = state.selection;
  const around = quoteAround(state);
  if (!around || !empty) return false;
  const { node, pos, depth } = around;
  const after = pos + node.nodeSize;
  if ($from.parent.type.name === "cite") {
    if (dispatch) {
      const tr = state.tr.insert(after, nodeType("paragraph").create());
      dispatch(tr.setSelection(TextSelection.create(tr.doc, after + 1)).scrollIntoView());
    }
    return true;
  }
  const last = node.lastChild?.type.name === "cite" && $from.depth === depth + 1 && $from.index(depth) === node.childCount - 2;
  if (!last || node.childCount < 3 || $from.parent.content.size > 0) return false;
  if (dispatch) {
    const from = $from.before();
    const tr = state.tr.delete(from, $from.after());
    dispatch(tr.setSelection(TextSelection.create(tr.doc, from + 1)).scrollIntoView());
  }
  return true;
};

/** Backspace where who said it begins: to the end of what was said. Nothing is joined. */
export const backFromCite: Command = (state, dispatch) => {
  const { $from, empty } = state.selection;
  if (!empty || $from.parent.type.name !== "cite" || $from.parentOffset > 0) return false;
  dispatch?.(state.tr.setSelection(Selection.near(state.doc.resolve($from.before()), -1)).scrollIntoView());
  return true;
};
