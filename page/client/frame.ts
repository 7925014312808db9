import { english, type Labels } from "./labels";
import type { Parts } from "./reader";
import css from "./styles/element.css";
import type { Words } from "./words";

/** The parts of a post that a page may style, by their class in the server's HTML. */
const postParts = ["post-label", "post-meta", "post-time", "post-author", "post-edited", "post-body"];

/**
 * The content of the custom element's shadow root. It is made without markup and without style attributes, so that it
 * works under a strict Content-Security-Policy. Until there are posts, the element's own content shows. That content is
 * all that a page without scripts shows.
 */
export class Frame {
  readonly root: HTMLElement;
  readonly parts: Parts & { older: HTMLAnchorElement; empty: HTMLElement };
  private readonly badges: HTMLElement[];
  private readonly fallback = make("slot");
  private taken = false;

  constructor(private readonly host: HTMLElement) {
    const shadow = host.attachShadow({ mode: "open" });
    dressRoot(shadow);
    const title = make("h2", "title");
    const heading = make("slot");
    heading.name = "title";
    heading.append(title);
    this.badges = [make("span", "badge", "badge badge--live"), make("span", "badge badge-ended", "badge badge--ended")];
    const status = make("span", "status", "status");
    status.setAttribute("role", "status");
    const state = make("p", "state", "page-state");
    state.append(...this.badges, status);
    const header = make("div", "header", "head");
    header.append(state, heading);

    const fresh = make("button", "new", "new-posts");
    fresh.type = "button";
    fresh.hidden = true;
    const float = make("div", "", "float");
    float.append(fresh);
    const announce = make("p", "", "visually-hidden");
    announce.setAttribute("aria-live", "polite");

    const list = make("div", "posts");
    list.id = "live-posts";
    list.setAttribute("role", "feed");
    list.hidden = true;
    const empty = make("p", "empty", "empty");
    empty.hidden = true;
    const older = make("a", "more");
    older.hidden = true;
    const more = make("p", "", "older");
    more.append(older);

    this.root = make("div", "frame", "frame");
    this.root.append(header, float, announce, empty, list, this.fallback, more);
    shadow.append(this.root);
    this.parts = { list, title, status, announce, fresh, older, empty };
    this.say({});
  }

  /** Writes the texts that do not depend on the channel. Without words, the frame is in the language of its page. */
  say(labels: Partial<Labels>, of: Words | null = null): void {
    const words = { ...english, ...labels };
    for (const [name, value] of [["lang", of?.language], ["dir", of?.direction]] as const) {
      if (value) this.root.setAttribute(name, value);
      else this.root.removeAttribute(name);
    }
    const [live, ended] = this.badges;
    if (live) live.textContent = words.badge;
    if (ended) ended.textContent = words.ended;
    this.parts.list.setAttribute("aria-label", words.posts);
    this.parts.empty.textContent = words.empty;
    this.parts.older.textContent = words.earlier;
  }

  /**
   * Takes over the posts that are in the element's own content. The content must say of which revision they are: markup
   * as in the server's pages, with data-revision on the list or on the element.
   */
  takeOver(channel: string): void {
    if (this.taken) return;
    this.taken = true;
    const { host } = this;
    const from = host.dataset.revision ? host : host.querySelector<HTMLElement>("[data-revision]:not(.live-post-wrapper)");
    const revision = from?.dataset.revision ?? "";
    if (!from || !/^\d{1,16}$/.test(revision) || (from.dataset.channel ?? channel) !== channel) return;
    const { list, title } = this.parts;
    for (const name of ["revision", "complete", "ended", "heartbeat"] as const) {
      const value = from.dataset[name];
      if (value !== undefined) list.dataset[name] = value;
    }
    if (title && from.dataset.title) title.textContent = from.dataset.title;
    list.append(...from.querySelectorAll(".live-post-wrapper"));
    if (from !== host) from.remove();
    this.show();
  }

  /** Hides the element's own content, because the channel's posts are known. */
  show(): void {
    this.fallback.hidden = true;
  }

  /** Empties everything, for another channel. */
  clear(): void {
    const { list, title, older, empty } = this.parts;
    list.replaceChildren();
    for (const name of Object.keys(list.dataset)) delete list.dataset[name];
    if (title) title.textContent = "";
    older.hidden = empty.hidden = list.hidden = this.fallback.hidden = true;
    this.root.classList.remove("has-ended");
  }

  /** Gives a post the part names by which a page styles it. */
  dress(wrapper: HTMLElement, post: Element): void {
    const names = ["post"];
    if (wrapper.dataset.pinned === "true") names.push("post-pinned");
    if (post.classList.contains("live-post--key")) names.push("post-key");
    wrapper.setAttribute("part", names.join(" "));
    for (const name of postParts) {
      for (const element of post.getElementsByClassName(name)) element.setAttribute("part", name);
    }
  }
}

let sheet: CSSStyleSheet | undefined;

/** Uses one constructed style sheet for all elements. Old browsers get a style element, which a policy may forbid. */
function dressRoot(shadow: ShadowRoot): void {
  if ("adoptedStyleSheets" in shadow && "replaceSync" in CSSStyleSheet.prototype) {
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
    }
    shadow.adoptedStyleSheets = [sheet];
    return;
  }
  const style = make("style");
  style.textContent = css;
  (shadow as ShadowRoot).append(style);
}

function make<K extends keyof HTMLElementTagNameMap>(tag: K, part = "", className = ""): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (part) element.setAttribute("part", part);
  if (className) element.className = className;
  return element;
}
