import { hold, type Follows } from "./anchor";
import { Embeds } from "./embeds";
import { parsePost } from "./html";
import { rootOf } from "./scroll";
import type { Clock } from "./times";
import { sleep } from "./transports/transport";
import type { Held } from "./update";

interface Shown {
  wrapper: HTMLElement;
  post: Held;
}

/** How a list shows its posts. */
export interface Showing {
  /** Ends what a list has begun, such as the mark on a new post. */
  signal: AbortSignal;
  follows: Follows;
  /** Writes the times of posts. */
  clock(): Clock;
  /** Returns the mark of a pinned post. */
  pinned(): string;
  /** Is called with each post's wrapper and element before they are shown, and when either changes. */
  dress?(wrapper: HTMLElement, post: Element): void;
}

/** Reads the posts that a server-rendered list shows. */
export function read(list: ParentNode): Held[] {
  const posts: Held[] = [];
  for (const wrapper of list.querySelectorAll<HTMLElement>(".live-post-wrapper")) {
    const element = wrapper.querySelector<HTMLElement>(".live-post");
    const id = element?.dataset.postId;
    if (!element || !id) continue;
    posts.push({
      id,
      show: true,
      content: element.outerHTML,
      created: wrapper.dataset.created ?? "",
      modified: wrapper.dataset.modified ?? "",
      pinned: wrapper.dataset.pinned === "true",
      revision: Number(wrapper.dataset.revision),
    });
  }
  return posts;
}

/** Keeps #live-posts showing what the reader holds: newest first, each post in its place. */
export class List {
  private readonly shown = new Map<string, Shown>();
  private readonly embeds: Embeds;

  constructor(readonly root: HTMLElement, posts: Held[], private readonly o: Showing) {
    this.embeds = new Embeds(root, o.signal);
    const held = new Map(posts.map((post) => [post.id, post]));
    for (const wrapper of root.querySelectorAll<HTMLElement>(".live-post-wrapper")) {
      const id = wrapper.querySelector<HTMLElement>(".live-post")?.dataset.postId;
      const post = id ? held.get(id) : undefined;
      if (!post) continue;
      this.shown.set(post.id, { wrapper, post });
    }
    this.dress();
  }

  /** Dresses all posts again, because the words have changed. */
  dress(): void {
    for (const { wrapper } of this.shown.values()) {
      this.label(wrapper);
      if (!wrapper.firstElementChild) continue;
      this.o.dress?.(wrapper, wrapper.firstElementChild);
      this.embeds.offer(wrapper.firstElementChild);
    }
  }

  private label(wrapper: HTMLElement): void {
    if (wrapper.dataset.pinned === "true") wrapper.dataset.label = this.o.pinned();
    else delete wrapper.dataset.label;
  }

  /**
   * Makes the list show posts, which must be oldest first, as a view returns them. It does not touch the elements of
   * posts that did not change. Returns the wrappers of visible posts that are new.
   */
  sync(posts: Held[]): HTMLElement[] {
    const keep = new Set(posts.map((post) => post.id));
    const changed = new Set<Element>();
    for (const post of posts) {
      const shown = this.shown.get(post.id);
      if (shown && differs(shown.post, post)) changed.add(shown.wrapper);
    }
    for (const [id, { wrapper }] of this.shown) if (!keep.has(id)) changed.add(wrapper);
    if (changed.size === 0 && posts.length === this.shown.size) return [];

    const release = hold(this.root, changed, this.o.follows);
    this.root.setAttribute("aria-busy", "true");
    const fresh: HTMLElement[] = [];
    for (const [id, { wrapper }] of this.shown) {
      if (keep.has(id)) continue;
      wrapper.remove();
      this.shown.delete(id);
    }
    // A post whose place changes is taken out first. No other post has to move then.
    for (const post of posts) {
      const shown = this.shown.get(post.id);
      if (shown && shown.post.created !== post.created) shown.wrapper.remove();
    }
    let next: Element | null = null; // the wrapper of the next older post: newer posts stand before it
    for (const post of posts) {
      let shown = this.shown.get(post.id);
      const known = shown !== undefined;
      if (!shown) {
        shown = { wrapper: document.createElement("div"), post };
        shown.wrapper.className = "live-post-wrapper";
        shown.wrapper.setAttribute("role", "article");
        shown.wrapper.tabIndex = -1;
        this.shown.set(post.id, shown);
        if (post.show) fresh.push(shown.wrapper);
      }
      if (!known || differs(shown.post, post)) this.fill(shown, post, known);
      if (!shown.wrapper.isConnected) this.root.insertBefore(shown.wrapper, next);
      next = shown.wrapper;
    }
    this.root.setAttribute("aria-busy", "false");
    release();
    return fresh;
  }

  /** Reports whether no post is visible. */
  empty(): boolean {
    for (const { post } of this.shown.values()) if (post.show) return false;
    return true;
  }

  private fill(shown: Shown, post: Held, known: boolean): void {
    const { wrapper } = shown;
    wrapper.dataset.created = post.created;
    wrapper.dataset.modified = post.modified;
    wrapper.dataset.revision = String(post.revision);
    wrapper.dataset.pinned = String(post.pinned);
    this.label(wrapper);
    wrapper.hidden = !post.show;
    const old = wrapper.firstElementChild;
    const element = parsePost(post.content);
    if (element) {
      this.o.clock().tell(element); // before the post is measured: a time in words is shorter
      this.o.dress?.(wrapper, element);
      this.embeds.offer(element);
    }
    const focused = old?.contains(rootOf(wrapper).activeElement) === true;
    // A post that says the same stays, and so does a player that runs in it.
    const same = old && known && (shown.post.content === post.content || old.outerHTML === element?.outerHTML);
    if (element && !same) wrapper.replaceChildren(element);
    if (focused && post.show) wrapper.focus({ preventScroll: true });
    if (known && post.show && shown.post.modified !== post.modified) this.flash(wrapper, "is-edited");
    shown.post = post;
  }

  /** Marks a post until its animation is over. */
  flash(wrapper: HTMLElement, name: "is-new" | "is-edited"): void {
    wrapper.classList.add(name);
    const over = (): void => wrapper.classList.remove(name);
    sleep(2500, this.o.signal).then(over, over);
  }
}

function differs(a: Held, b: Held): boolean {
  return a.revision !== b.revision || a.show !== b.show || a.pinned !== b.pinned || a.created !== b.created;
}
