import { Plugin } from "prosemirror-state";
import { Decoration, DecorationSet } from "prosemirror-view";
import { t } from "../words";

/** Says in each quote that has nobody's name yet where the name goes. */
export function placeholders(): Plugin {
  return new Plugin({
    props: {
      decorations: ({ doc }) => {
        const found: Decoration[] = [];
        doc.descendants((node, pos) => {
          if (node.type.name === "cite" && node.content.size === 0) {
            found.push(Decoration.node(pos, pos + node.nodeSize, { class: "is-blank", "data-placeholder": t("editor_cite") }));
          }
          return !node.isTextblock;
        });
        return DecorationSet.create(doc, found);
      },
    },
  });
}
