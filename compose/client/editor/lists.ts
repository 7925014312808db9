import type { NodeType } from "prosemirror-model";
import { liftListItem, sinkListItem, wrapInList } from "prosemirror-schema-list";
import type { Command, EditorState } from "prosemirror-state";
import { nodeType } from "./schema";

const item = nodeType("list_item");

/** Returns the place and the node of the innermost list around the selection. */
export function listAround(state: EditorState) {
  const { $from, $to } = state.selection;
  for (let depth = $from.sharedDepth($to.pos); depth > 0; depth--) {
    const node = $from.node(depth);
    if (node.type.name === "bullet_list" || node.type.name === "ordered_list") return { node, pos: $from.before(depth) };
    if (node.type.spec.tableRole === "cell" || node.type.spec.tableRole === "header_cell") return null;
  }
  return null;
}

/** Makes a list, makes another kind of list of it, or takes the list away. */
export function toggleList(type: NodeType): Command {
  return (state, dispatch, view) => {
    const around = listAround(state);
    if (!around) return wrapInList(type)(state, dispatch, view);
    if (around.node.type === type) return liftListItem(item)(state, dispatch, view);
    const { lang, dir } = around.node.attrs;
    dispatch?.(state.tr.setNodeMarkup(around.pos, type, { lang, dir }));
    return true;
  };
}

export const indent: Command = sinkListItem(item);
export const outdent: Command = liftListItem(item);
