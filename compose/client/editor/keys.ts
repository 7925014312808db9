import { baseKeymap, chainCommands, exitCode, setBlockType } from "prosemirror-commands";
import { undoInputRule } from "prosemirror-inputrules";
import { keydownHandler } from "prosemirror-keymap";
import { splitListItem } from "prosemirror-schema-list";
import { type Command, Plugin } from "prosemirror-state";
import { addRowAfter, goToNextCell, isInTable } from "prosemirror-tables";
import type { CommandName } from "./commands";
import { indent, outdent } from "./lists";
import { backFromCite, leaveQuote } from "./quote";
import { nodeType } from "./schema";
import { enterWidget } from "./widget";

const named: [string, CommandName][] = [
  ["Mod-b", "bold"], ["Mod-i", "italic"], ["Mod-u", "underline"], ["Mod-Shift-x", "strike"], ["Mod-e", "code"], ["Mod-k", "link"],
  ["Mod-Alt-0", "paragraph"], ["Mod-Alt-2", "h2"], ["Mod-Alt-3", "h3"], ["Mod-Alt-4", "h4"],
  ["Mod-Shift-7", "numbers"], ["Mod-Shift-8", "bullets"], ["Mod-Shift-9", "quote"],
  ["Mod-z", "undo"], ["Mod-y", "redo"], ["Mod-Shift-z", "redo"],
];

/** One line of the list of shortcuts. Mod is Cmd on a Mac and Ctrl elsewhere. text is the key of words of the page. */
export interface Shortcut {
  keys: string;
  text: string;
}

/** All keys of the editor. */
export const shortcuts: Shortcut[] = [
  ...named.filter(([keys]) => keys !== "Mod-Shift-z").map(([keys, name]) => ({ keys, text: `editor_${name}` })),
  { keys: "Mod-Enter", text: "editor_key_submit" },
  { keys: "Shift-Enter", text: "editor_key_break" },
  { keys: "Mod-Shift-v", text: "editor_key_paste_plain" },
  { keys: "Tab", text: "editor_key_tab" },
  { keys: "Shift-Tab", text: "editor_key_tab_back" },
  { keys: "Escape Tab", text: "editor_key_leave" },
  { keys: "Enter", text: "editor_key_enter" },
];

/** What may be typed as in Markdown. They are the same in each language. */
export const markdownShortcuts: Shortcut[] = [
  { keys: "# ", text: "editor_h2" }, { keys: "## ", text: "editor_h3" }, { keys: "### ", text: "editor_h4" },
  { keys: "**…**", text: "editor_bold" }, { keys: "*…*", text: "editor_italic" }, { keys: "~~…~~", text: "editor_strike" },
  { keys: "`…`", text: "editor_code" }, { keys: "[…](https://…)", text: "editor_link" }, { keys: "> ", text: "editor_quote" },
  { keys: "- ", text: "editor_bullets" }, { keys: "1. ", text: "editor_numbers" }, { keys: "```", text: "editor_codeblock" },
  { keys: "---", text: "editor_rule" },
];

const lineBreak: Command = (state, dispatch) => {
  const { $from } = state.selection;
  if (!$from.parent.inlineContent || $from.parent.type.spec.code) return false;
  dispatch?.(state.tr.replaceSelectionWith(nodeType("hard_break").create()).scrollIntoView());
  return true;
};

/** The third Enter at the end of code leaves it. */
const leaveCode: Command = (state, dispatch, view) => {
  const { $from, empty } = state.selection;
  const { parent } = $from;
  if (!empty || !parent.type.spec.code || $from.parentOffset < parent.content.size || !parent.textContent.endsWith("\n\n")) return false;
  if (!dispatch) return true;
  dispatch(state.tr.delete($from.pos - 2, $from.pos));
  return exitCode(view?.state ?? state, view?.dispatch ?? dispatch, view);
};

/** Backspace where a heading or code begins makes a paragraph of it. */
const unline: Command = (state, dispatch, view) => {
  const { $from, empty } = state.selection;
  if (!empty || $from.parentOffset > 0 || !/^(heading|code_block)$/.test($from.parent.type.name)) return false;
  return setBlockType(nodeType("paragraph"))(state, dispatch, view);
};

/** Tab in the last cell of a table makes a row. */
const nextCell: Command = (state, dispatch, view) => {
  if (!isInTable(state)) return false;
  if (goToNextCell(1)(state, dispatch, view)) return true;
  if (!dispatch || !view) return true;
  addRowAfter(state, dispatch);
  return goToNextCell(1)(view.state, view.dispatch, view);
};

/** The keys. After Escape, Tab leaves the editor from everywhere, so that nobody who has no mouse is caught in it. */
export function keys(all: Record<CommandName, Command>, submit: () => boolean): Plugin {
  const item = nodeType("list_item");
  const enter: Command = (_state, _dispatch, view) => (view ? enterWidget(view) : false);
  const handle = keydownHandler({
    ...baseKeymap,
    ...Object.fromEntries(named.map(([key, name]) => [key, all[name]])),
    "Mod-Enter": submit,
    "Shift-Enter": chainCommands(lineBreak, baseKeymap.Enter as Command),
    Enter: chainCommands(enter, leaveCode, leaveQuote, splitListItem(item), baseKeymap.Enter as Command),
    Backspace: chainCommands(undoInputRule, backFromCite, unline, baseKeymap.Backspace as Command),
    Tab: chainCommands(nextCell, indent),
    "Shift-Tab": chainCommands(goToNextCell(-1), outdent),
  });
  let leaving = false;
  return new Plugin({
    props: {
      handleKeyDown: (view, event) => {
        if (event.key === "Tab" && leaving) return false;
        if (!["Shift", "Control", "Alt", "Meta", "Tab"].includes(event.key)) leaving = event.key === "Escape";
        return handle(view, event);
      },
      handleDOMEvents: { blur: () => void (leaving = false) },
    },
  });
}
