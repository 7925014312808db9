import { Fragment, type Node as PMNode } from "prosemirror-model";
import { type EditorState, Plugin, PluginKey, type Transaction } from "prosemirror-state";
import type { Block, EmbedBlock, ImageBlock, ScoreBlock } from "../model";
import { parse } from "./html";
import { last } from "./last";
import { type Chunk, readChunks } from "./read";
import { mediaNode, nodeType } from "./schema";
import { writeAt } from "./write";

/** A text block as it came, and the nodes that were made of it. */
interface Origin {
  text: string;
  nodes: PMNode[];
  html: string[]; // of each node
}

/** How many text blocks are remembered. They are small, and an editor is not kept for ever. */
const memory = 2000;

/**
 * Turns blocks into a document and back. It remembers what text blocks were, so that what nobody touched comes back byte for
 * byte: nodes never change, so one that is still there, or that undo made again, was not touched.
 */
export class Content {
  private readonly origins: Origin[] = []; // the newest first
  private readonly known = new WeakMap<PMNode, string>();

  /** Returns the nodes of blocks, and the places between two text blocks that stand side by side. */
  read(blocks: readonly Block[]): { nodes: Fragment; seams: number[] } {
    const nodes: PMNode[] = [];
    const seams: number[] = [];
    let size = 0;
    let textBefore = false;
    for (const block of blocks) {
      const made = block.type === "text" ? this.readText(block.value.text) : [mediaNode(block)];
      if (made.length === 0) continue;
      if (textBefore && block.type === "text") seams.push(size);
      textBefore = block.type === "text";
      for (const node of made) {
        nodes.push(node);
        size += node.nodeSize;
      }
    }
    const end = last(nodes);
    if (!end || !end.isTextblock) nodes.push(nodeType("paragraph").create()); // there is always a line to write on
    return { nodes: Fragment.fromArray(nodes), seams };
  }

  private readText(text: string): PMNode[] {
    const origin: Origin = { text, nodes: [], html: [] };
    for (const chunk of attached(readChunks([...parse(text).childNodes]))) {
      if (!chunk.node) continue;
      origin.nodes.push(chunk.node);
      origin.html.push(chunk.html);
      this.known.set(chunk.node, chunk.html);
    }
    this.origins.unshift(origin);
    if (this.origins.length > memory) this.origins.pop();
    return origin.nodes;
  }

  /** Returns the blocks of a document. */
  write(doc: PMNode, seams: readonly number[]): Block[] {
    const blocks: Block[] = [];
    let run: PMNode[] = [];
    const flush = (): void => {
      const text = run.every(isEmpty) ? "" : this.writeText(run);
      if (text) blocks.push({ type: "text", value: { text } });
      run = [];
    };
    doc.forEach((node, offset) => {
      if (seams.includes(offset)) flush();
      const block = blockOf(node);
      if (block === undefined) run.push(node);
      else {
        flush();
        if (block) blocks.push(block);
      }
    });
    flush();
    return blocks;
  }

  private writeText(run: PMNode[]): string {
    const end = last(run);
    const ended = end && isLine(end) && !this.known.has(end) ? run.slice(0, -1) : run; // without the line to write on
    const said = run.filter((n) => this.known.has(n) || !isLine(n));
    for (const alike of [is, isLike]) {
      for (const nodes of [run, ended, said]) {
        const same = this.origins.find((o) =>
          o.nodes.length === nodes.length && nodes.every((n, i) => alike(n, o.nodes[i]) && (this.known.get(n) ?? o.html[i]) === o.html[i]));
        if (same) return same.text;
      }
    }
    return said.map((node, i) => this.exact(node, said[i - 1]) ?? writeAt(said, i)).join("");
  }

  /** Returns what a node was made of, if that may stand after the node before. */
  private exact(node: PMNode, before: PMNode | undefined): string | undefined {
    if (isBareLine(node) && isBareLine(before)) return undefined;
    const html = this.known.get(node);
    if (html !== undefined) return html;
    for (const origin of this.origins) {
      const i = origin.nodes.findIndex((n) => n.eq(node));
      if (i >= 0) return origin.html[i]?.replace(/^[ \t\n\f\r]+|[ \t\n\f\r]+$/g, ""); // white space was that of its place
    }
    return undefined;
  }
}

const is = (a: PMNode, b: PMNode | undefined): boolean => a === b;

/** Undo makes nodes anew. */
const isLike = (a: PMNode, b: PMNode | undefined): boolean => b !== undefined && a.eq(b);

const isBareLine = (node: PMNode | undefined): boolean => node?.type.name === "paragraph" && node.attrs.wrap === "";

/** Reports whether a node is a paragraph without anything in it. */
const isLine = (node: PMNode | undefined): boolean => node?.type.name === "paragraph" && node.childCount === 0;

/** Adds white space between elements to the element before it, or to the first one. */
function attached(chunks: Chunk[]): Chunk[] {
  const out: Chunk[] = [];
  let lead = "";
  for (const { node, html } of chunks) {
    const end = last(out);
    if (node) out.push({ node, html: lead + html });
    else if (end) end.html += html;
    lead = node || end ? "" : lead + html;
  }
  return out;
}

/** Reports whether there is nothing to read in a node. Tables, rules and what the editor does not know are something. */
export function isEmpty(node: PMNode): boolean {
  if (node.type.name === "table" || node.type.name === "rule" || node.type.name === "opaque" || node.type.name === "bit") return false;
  if (node.isText) return node.text?.trim() === "";
  return !node.type.isInGroup("media") && node.children.every(isEmpty);
}

/** Returns the block of a node that is not text, null if it is not to be sent, and undefined if it is text. */
function blockOf(node: PMNode): Block | null | undefined {
  switch (node.type.name) {
    case "image": {
      const { value } = node.attrs as ImageBlock;
      return isAdding(value) ? null : { type: "image", value };
    }
    case "embed":
      return { type: "embed", value: (node.attrs as EmbedBlock).value };
    case "score": {
      const { value } = node.attrs as ScoreBlock;
      return Object.values(value).every((v) => v === "") ? null : { type: "score", value };
    }
    case "foreign":
      return node.attrs.block as Block;
    default:
      return undefined;
  }
}

const adding = "adding:";

/** Names an image that state/files.ts has not taken yet. */
export const addingKey = (n: number): string => `${adding}${n}`;

export const isAdding = (value: ImageBlock["value"]): boolean => value.local?.startsWith(adding) ?? false;

const seamsKey = new PluginKey<readonly number[]>("seams");

/** Keeps the places between text blocks that stand side by side, so that they stay two blocks. */
export function seamsPlugin(): Plugin<readonly number[]> {
  return new Plugin<readonly number[]>({
    key: seamsKey,
    state: {
      init: () => [],
      apply: (tr, seams) => {
        const set = tr.getMeta(seamsKey) as readonly number[] | undefined;
        if (set) return set;
        if (!tr.docChanged || seams.length === 0) return seams;
        return seams.flatMap((pos) => {
          const { pos: to, deletedAcross } = tr.mapping.mapResult(pos, -1);
          return deletedAcross ? [] : to;
        });
      },
    },
  });
}

export const seamsOf = (state: EditorState): readonly number[] => seamsKey.getState(state) ?? [];

export function setSeams(tr: Transaction, seams: readonly number[]): Transaction {
  return tr.setMeta(seamsKey, seams);
}
