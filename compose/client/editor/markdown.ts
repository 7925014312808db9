import { InputRule, inputRules, textblockTypeInputRule, wrappingInputRule } from "prosemirror-inputrules";
import type { MarkType } from "prosemirror-model";
import { type Plugin, TextSelection } from "prosemirror-state";
import { safeLink } from "./html";
import { wrapQuote } from "./quote";
import { markType, nodeType } from "./schema";

/** A rule for marks that stand at both ends of words, such as **these**. match[1] stands before, match[2] are the words. */
function around(match: RegExp, size: number, type: MarkType): InputRule {
  return new InputRule(match, (state, [, before = "", words = ""], start, end) => {
    const from = start + before.length;
    const inner = from + size;
    const $from = state.doc.resolve(from);
    if (!$from.parent.type.allowsMarkType(type)) return null;
    if (type.name !== "code" && $from.parent.textBetween(0, $from.parentOffset).includes("`")) return null; // code has begun
    const tr = state.tr.delete(inner + words.length, end).delete(from, inner);
    return tr.addMark(from, from + words.length, type.create()).removeStoredMark(type);
  }, { inCodeMark: false });
}

/** [words](address). The brackets and the address go, the words stay. */
const link = new InputRule(/\[([^[\]]+)\]\(([^\s()]+)\)$/, (state, [, words = "", href = ""], start, end) => {
  if (!safeLink(href)) return null;
  const type = markType("link");
  const tr = state.tr.delete(start + 1 + words.length, end).delete(start, start + 1);
  return tr.addMark(start, start + words.length, type.create({ href })).removeStoredMark(type);
}, { inCodeMark: false });

const quote = new InputRule(/^\s*>\s$/, (state, _match, start, end) => {
  const tr = state.tr.delete(start, end);
  return wrapQuote(tr, tr.doc.resolve(start).blockRange());
});

const rule = new InputRule(/^---$/, (state, _match, start, end) => {
  const { parent, depth } = state.doc.resolve(start);
  if (parent.type.name !== "paragraph" || depth !== 1) return null;
  const tr = state.tr.delete(start, end);
  const before = tr.doc.resolve(start).before();
  tr.insert(before, nodeType("rule").create());
  return tr.setSelection(TextSelection.near(tr.doc.resolve(tr.mapping.map(end))));
});

const startOf = (match: RegExpMatchArray): string | null => (match[1] === "1" ? null : String(match[1]));

export function markdown(): Plugin {
  return inputRules({
    rules: [
      textblockTypeInputRule(/^(#{1,3})\s$/, nodeType("heading"), (m) => ({ level: (m[1]?.length ?? 1) + 1 })),
      quote,
      wrappingInputRule(/^\s*[-*+]\s$/, nodeType("bullet_list")),
      wrappingInputRule(
        /^(\d{1,3})[.)]\s$/,
        nodeType("ordered_list"),
        (m) => ({ start: startOf(m) }),
        (m, before) => before.childCount + Number(before.attrs.start ?? 1) === Number(m[1]),
      ),
      textblockTypeInputRule(/^```$/, nodeType("code_block")),
      rule,
      link,
      around(/(^|[^*\w])\*\*([^*\s](?:[^*]*[^*\s])?)\*\*$/, 2, markType("strong")),
      around(/(^|[^*\w])\*([^*\s](?:[^*]*[^*\s])?)\*$/, 1, markType("em")),
      around(/(^|[^~\w])~~([^~\s](?:[^~]*[^~\s])?)~~$/, 2, markType("s")),
      around(/(^|[^`\w])`([^`]+)`$/, 1, markType("code")),
    ],
  });
}
