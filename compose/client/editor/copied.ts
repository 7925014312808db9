import { DOMSerializer, type Slice } from "prosemirror-model";
import { isElement, parse } from "./html";
import { schema } from "./schema";

/**
 * What was copied last in this editor. The clipboard's HTML names it, and it is pasted from here: images, scores and what the
 * editor does not know come back whole, and nothing is read from HTML that another page may have put there.
 */
export class Copied {
  private slice: Slice | null = null;
  private name = "";

  keep(slice: Slice): Slice {
    this.slice = slice;
    this.name = crypto.getRandomValues(new Uint32Array(4)).join("-");
    return slice;
  }

  serializer(): DOMSerializer {
    const { nodes, marks } = DOMSerializer.fromSchema(schema);
    const serializer = new DOMSerializer(nodes, marks);
    const write = serializer.serializeFragment.bind(serializer);
    serializer.serializeFragment = (fragment, options, target) => {
      const dom = write(fragment, options, target);
      if (!target && isElement(dom.firstChild)) dom.firstChild.setAttribute("data-desk", this.name);
      return dom;
    };
    return serializer;
  }

  /** Returns what was copied here, if that is what HTML is. */
  of(html: string): Slice | null {
    if (!this.name || !html.includes(this.name)) return null;
    return parse(html).querySelector("[data-desk]")?.getAttribute("data-desk") === this.name ? this.slice : null;
  }
}
