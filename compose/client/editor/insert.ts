import { Fragment, type Node, type ResolvedPos, Slice } from "prosemirror-model";
import { type EditorState, NodeSelection, Selection, TextSelection, type Transaction } from "prosemirror-state";
import { last } from "./last";
import { nodeType } from "./schema";

/**
 * Puts blocks that stand on their own at a place: instead of an empty line, before a line that the place begins, or after the
 * block that the place is in. There is always a line after them, in which the cursor is then.
 */
export function insertBlocks(state: EditorState, nodes: readonly Node[], at?: number): Transaction {
  const { tr } = state;
  const $at = at === undefined ? state.selection.$head : state.doc.resolve(at);
  let { from, to } = room($at, at === undefined && state.selection instanceof NodeSelection);
  tr.replaceWith(from, to, Fragment.fromArray([...nodes]));
  from = tr.mapping.map(from, -1);
  to = nodes.reduce((pos, n) => pos + n.nodeSize, from);
  const after = tr.doc.nodeAt(to);
  if (!after || after.type.isInGroup("media")) tr.insert(to, nodeType("paragraph").create());
  return tr.setSelection(Selection.near(tr.doc.resolve(to), 1)).scrollIntoView();
}

function room($at: ResolvedPos, selected: boolean): { from: number; to: number } {
  if ($at.depth === 0) return { from: $at.pos, to: $at.pos };
  const from = $at.before(1);
  const to = $at.after(1);
  if ($at.depth > 1 || selected) return { from: to, to };
  if ($at.parent.type.name === "paragraph" && $at.parent.content.size === 0) return { from, to };
  return $at.parentOffset === 0 ? { from, to: from } : { from: to, to };
}

/** Selects the block before the cursor's, which was put there a moment ago. */
export function selectBefore(tr: Transaction): Transaction {
  const { $head } = tr.selection;
  const pos = $head.depth > 0 ? $head.before(1) : $head.pos;
  const before = tr.doc.resolve(pos).nodeBefore;
  return before ? tr.setSelection(NodeSelection.create(tr.doc, pos - before.nodeSize)) : tr;
}

/** Returns a table of empty cells, the first row of which are headings. */
export function newTable(rows: number, columns: number): Node {
  const row = (cell: string): Node =>
    nodeType("table_row").create(null, Array.from({ length: columns }, () => nodeType(cell).create(null, nodeType("paragraph").create())));
  return nodeType("table").create(null, Array.from({ length: rows }, (_, i) => row(i === 0 ? "table_header" : "table_cell")));
}

/** Puts a table where the cursor is, and the cursor into its first cell. */
export function insertTable(state: EditorState): Transaction {
  const tr = insertBlocks(state, [newTable(3, 3)]);
  const before = selectBefore(tr).selection.from;
  return tr.setSelection(TextSelection.near(tr.doc.resolve(before + 1)));
}

/** Puts what was pasted at the selection. */
export function insertFlow(state: EditorState, nodes: readonly Node[]): Transaction {
  const content = Fragment.fromArray([...nodes]);
  const open = (node: Node | undefined): number => (node?.type.name === "paragraph" ? 1 : 0);
  return state.tr.replaceSelection(new Slice(content, open(nodes[0]), open(last(nodes)))).scrollIntoView();
}
