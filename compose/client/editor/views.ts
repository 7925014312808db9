import type { NodeViewConstructor } from "prosemirror-view";
import type { Files } from "../state/files";
import type { Adding } from "./adding";
import { EmbedView, type LookUp } from "./embeds";
import { ImageView } from "./images";
import { BitView, OpaqueView } from "./opaque";
import { ScoreView } from "./score";

/** The views of the nodes that are no text. */
export function nodeViews(
  files: Files, adding: Adding, lookUp: LookUp | undefined, submit: () => boolean,
): Record<string, NodeViewConstructor> {
  return {
    image: (node, view, getPos) => new ImageView(node, { view, getPos, submit }, files, adding),
    embed: (node, view, getPos) => new EmbedView(node, { view, getPos, submit }, lookUp),
    score: (node, view, getPos) => new ScoreView(node, { view, getPos, submit }),
    opaque: (node, view, getPos) => new OpaqueView(node, { view, getPos, submit }),
    foreign: (node, view, getPos) => new OpaqueView(node, { view, getPos, submit }),
    bit: (node) => new BitView(node),
  };
}
