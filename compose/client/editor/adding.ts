import { type Signal, signal } from "@preact/signals";
import type { Node } from "prosemirror-model";
import type { EditorView } from "prosemirror-view";
import type { ImageBlock } from "../model";
import type { Files } from "../state/files";
import { t } from "../words";
import { addingKey } from "./content";
import { mediaNode } from "./schema";

interface Added {
  file: Blob;
  problem: Signal<string | undefined>;
  done: Promise<void>;
}

/** The files that are on their way into the browser's store. Each is shown already, under a key of this editor. */
export class Adding {
  private readonly all = new Map<string, Added>();
  private count = 0;

  constructor(private readonly files: Files, private readonly view: () => EditorView | undefined) {}

  get(key: string): Added | undefined {
    return this.all.get(key);
  }

  /** Begins to add a file. Returns the node that shows it. */
  add(file: Blob, alt = ""): Node {
    const key = addingKey(++this.count);
    const added: Added = { file, problem: signal(undefined), done: Promise.resolve() };
    this.all.set(key, added);
    added.done = this.take(key, added);
    return mediaNode({ type: "image", value: { local: key, alt } });
  }

  retry(key: string): void {
    const added = this.all.get(key);
    if (!added || added.problem.value === undefined) return;
    added.problem.value = undefined;
    added.done = this.take(key, added);
  }

  busy(): boolean {
    return this.all.size > 0;
  }

  /** Resolves when each file is kept, or could not be. */
  async settled(): Promise<void> {
    await Promise.all([...this.all.values()].map((a) => a.done));
  }

  private async take(key: string, added: Added): Promise<void> {
    try {
      const local = await this.files.add(added.file);
      this.all.delete(key);
      this.rename(key, local);
    } catch (problem) {
      added.problem.value = problem instanceof Error && problem.message ? problem.message : t("editor_image_not_kept");
    }
  }

  private rename(key: string, local: string): void {
    const view = this.view();
    if (!view || view.isDestroyed) return;
    const { tr } = view.state;
    view.state.doc.forEach((node, pos) => {
      const value = node.attrs.value as ImageBlock["value"] | undefined;
      if (node.type.name === "image" && value?.local === key) tr.setNodeAttribute(pos, "value", { ...value, local });
    });
    if (tr.docChanged) view.dispatch(tr.setMeta("addToHistory", false));
  }
}
