import { lift, setBlockType, toggleMark } from "prosemirror-commands";
import { redo, undo } from "prosemirror-history";
import { undoInputRule } from "prosemirror-inputrules";
import type { MarkType, NodeType } from "prosemirror-model";
import { type Command, type EditorState, NodeSelection, Selection } from "prosemirror-state";
import * as tables from "prosemirror-tables";
import { insertBlocks, insertTable, selectBefore } from "./insert";
import { indent, listAround, outdent, toggleList } from "./lists";
import { inQuote, toggleQuote } from "./quote";
import { markType, mediaNode, nodeType } from "./schema";
import { noScore } from "./score";

export const commandNames = [
  "bold", "italic", "underline", "strike", "code", "mark", "sub", "sup", "link", "plain",
  "paragraph", "h2", "h3", "h4", "bullets", "numbers", "indent", "outdent", "quote", "codeblock",
  "rule", "table", "score", "undo", "redo",
  "rowBefore", "rowAfter", "rowDelete", "columnBefore", "columnAfter", "columnDelete", "headerRow", "headerColumn", "merge",
  "split", "tableDelete",
] as const;

export type CommandName = (typeof commandNames)[number];

/** What a toolbar shows. */
export interface Toolbar {
  /** What is in force where the cursor is, such as bold. */
  active: ReadonlySet<CommandName>;
  /** What run() would do something for. */
  possible: ReadonlySet<CommandName>;
}

const markOf: Partial<Record<CommandName, MarkType>> = {
  bold: markType("strong"), italic: markType("em"), underline: markType("u"), strike: markType("s"), code: markType("code"),
  mark: markType("mark"), sub: markType("sub"), sup: markType("sup"), link: markType("link"),
};

const textOnly = (command: Command): Command => (state, dispatch, view) =>
  !(state.selection instanceof NodeSelection && !state.selection.node.isTextblock) && command(state, dispatch, view);

/** Makes lines of a kind, or paragraphs if they are of that kind. */
function toggleLine(type: NodeType, attrs: Record<string, unknown> | null = null): Command {
  return textOnly((state, dispatch, view) => {
    const { parent } = state.selection.$from;
    const is = parent.hasMarkup(type, { ...parent.attrs, ...attrs });
    return setBlockType(is ? nodeType("paragraph") : type, is ? null : attrs)(state, dispatch, view);
  });
}

/** Takes all marks away. */
const plain: Command = (state, dispatch) => {
  const { from, to, empty } = state.selection;
  if (empty) return false;
  dispatch?.(state.tr.removeMark(from, to));
  return true;
};

/** Keeps the cursor in the table when the last row or column goes. */
function within(command: Command): Command {
  return (state, dispatch, view) => {
    const table = tables.findTable(state.selection.$from);
    return command(state, dispatch && ((tr) => {
      const pos = table ? tr.mapping.map(table.pos) : -1;
      const left = pos < 0 ? null : tr.doc.nodeAt(pos);
      if (left?.type.name === "table" && !tables.findTable(tr.selection.$from)) {
        tr.setSelection(Selection.near(tr.doc.resolve(pos + left.nodeSize - 1), -1));
      }
      dispatch(tr);
    }), view);
  };
}

const insertRule: Command = (state, dispatch) => {
  dispatch?.(insertBlocks(state, [nodeType("rule").create()]));
  return true;
};

const score: Command = (state, dispatch) => {
  dispatch?.(selectBefore(insertBlocks(state, [mediaNode({ type: "score", value: noScore })])));
  return true;
};

const table: Command = (state, dispatch) => {
  if (tables.isInTable(state)) return false;
  dispatch?.(insertTable(state));
  return true;
};

/** Undo, of which a Markdown shortcut is taken back first: what was typed stays. */
const back: Command = (state, dispatch, view) => undoInputRule(state, dispatch, view) || undo(state, dispatch, view);

const simple: Record<Exclude<CommandName, "link">, Command> = {
  ...(Object.fromEntries(Object.entries(markOf).map(([name, type]) => [name, toggleMark(type)])) as Record<
    "bold" | "italic" | "underline" | "strike" | "code" | "mark" | "sub" | "sup", Command>),
  plain,
  paragraph: textOnly(setBlockType(nodeType("paragraph"))),
  h2: toggleLine(nodeType("heading"), { level: 2 }),
  h3: toggleLine(nodeType("heading"), { level: 3 }),
  h4: toggleLine(nodeType("heading"), { level: 4 }),
  codeblock: toggleLine(nodeType("code_block")),
  bullets: toggleList(nodeType("bullet_list")),
  numbers: toggleList(nodeType("ordered_list")),
  indent,
  outdent: (state, dispatch, view) => (listAround(state) ? outdent : lift)(state, dispatch, view),
  quote: toggleQuote,
  rule: insertRule,
  table,
  score,
  undo: back,
  redo,
  rowBefore: tables.addRowBefore,
  rowAfter: tables.addRowAfter,
  rowDelete: within(tables.deleteRow),
  columnBefore: tables.addColumnBefore,
  columnAfter: tables.addColumnAfter,
  columnDelete: within(tables.deleteColumn),
  headerRow: tables.toggleHeaderRow,
  headerColumn: tables.toggleHeaderColumn,
  merge: tables.mergeCells,
  split: tables.splitCell,
  tableDelete: tables.deleteTable,
};

/** Returns all commands. link opens the editor's own form, and so is not here. */
export function commands(link: Command): Record<CommandName, Command> {
  return { ...simple, link };
}

export function isMarkActive(state: EditorState, type: MarkType): boolean {
  const { from, to, empty, $from } = state.selection;
  if (empty) return Boolean(type.isInSet(state.storedMarks ?? $from.marks()));
  return state.doc.rangeHasMark(from, to, type);
}

export function toolbarOf(state: EditorState, all: Record<CommandName, Command>): Toolbar {
  const active = new Set<CommandName>();
  for (const [name, type] of Object.entries(markOf)) if (isMarkActive(state, type)) active.add(name as CommandName);
  const { parent } = state.selection.$from;
  if (parent.type.name === "heading" && [2, 3, 4].includes(parent.attrs.level as number)) active.add(`h${parent.attrs.level as 2 | 3 | 4}`);
  if (parent.type.name === "code_block") active.add("codeblock");
  if (parent.type.name === "paragraph") active.add("paragraph");
  const list = listAround(state);
  if (list) active.add(list.node.type.name === "bullet_list" ? "bullets" : "numbers");
  if (inQuote(state)) active.add("quote");
  if (tables.isInTable(state)) active.add("table");
  const { selection } = state;
  if (selection instanceof NodeSelection && selection.node.type.name === "score") active.add("score");
  return { active, possible: new Set(commandNames.filter((name) => all[name](state))) };
}

export function sameToolbar(a: Toolbar, b: Toolbar): boolean {
  const same = (x: ReadonlySet<string>, y: ReadonlySet<string>): boolean => x.size === y.size && [...x].every((n) => y.has(n));
  return same(a.active, b.active) && same(a.possible, b.possible);
}
