// The custom element: <live-posts src="https://live.example.org" channel="match-42"></live-posts>
import { topOfList } from "./anchor";
import type { Status } from "./connection";
import { Frame } from "./frame";
import { pace } from "./fresh";
import { english, type Labels } from "./labels";
import { Reader } from "./reader";
import { lead, listOf } from "./server";
import { known } from "./transports";
import type { Transport } from "./transports/transport";
import type { Held } from "./update";
import { View } from "./view";
import { labelsOf, reword, wordsOf, type Words } from "./words";

export { View, known };

/** What the element says in other words than the live page, in English. */
const words: Partial<Labels> = {
  gone: "These live updates are no longer there",
  refused: "These live updates are private",
};

export interface LivePostsUpdate {
  channel: string;
  revision: number;
  title: string;
  ended: string | null;
  complete: boolean;
  gone: boolean;
  added: readonly string[];
}

export interface LivePostsStatus {
  channel: string;
  status: Status;
}

/** A server that renders pages may import this module. It has no elements. */
const Base = (typeof HTMLElement === "undefined" ? class {} : HTMLElement) as typeof HTMLElement;

/** Shows a channel in any page and keeps it live while the element is in the document. */
export class LivePosts extends Base {
  static readonly observedAttributes = ["src", "channel", "transports", "lang"];

  /** More transports than the known ones, by the server's names. */
  static transports: Record<string, Transport> = {};

  /** The URL of the server of elements that have no src. If it is empty, the page's own origin is. */
  static server = "";

  private readonly frame = new Frame(this);
  private reader: Reader | null = null;
  private life = new AbortController();
  /** The list of transports that the reader follows. Another server or channel needs another reader. */
  private source = "";
  private turning = false;
  private ownLabels: Partial<Labels> = {};
  /** The words of the attribute lang, once the server has sent them. */
  private words: Words | null = null;
  /** The server and language that were asked for last, while they need not be asked for again. */
  private asked = "";

  constructor() {
    super();
    // Properties that a script set before the class was defined hide the accessors.
    for (const name of ["src", "channel", "transports", "labels"] as const) {
      if (!Object.prototype.hasOwnProperty.call(this, name)) continue;
      const value = this[name];
      delete (this as Record<string, unknown>)[name];
      queueMicrotask(() => Object.assign(this, { [name]: value }));
    }
  }

  get src(): string {
    return this.getAttribute("src") ?? "";
  }
  set src(value: string) {
    this.setAttribute("src", value);
  }

  get channel(): string {
    return this.getAttribute("channel") ?? "";
  }
  set channel(value: string) {
    this.setAttribute("channel", value);
  }

  get transports(): string {
    return this.getAttribute("transports") ?? "";
  }
  set transports(value: string) {
    this.setAttribute("transports", value);
  }

  get labels(): Partial<Labels> {
    return this.ownLabels;
  }
  set labels(value: Partial<Labels>) {
    this.ownLabels = { ...value };
    this.say();
  }

  /** The texts that differ from the built-in English ones. */
  private get saying(): Partial<Labels> {
    return { ...(this.words ? labelsOf(this.words, true) : words), ...this.ownLabels };
  }

  private say(): void {
    this.frame.say(this.saying, this.words);
    this.reader?.say(this.saying, this.words?.language);
  }

  /** Asks the server for the words of the attribute lang. Until they are there, the element speaks English. */
  private async learn(server: URL): Promise<void> {
    const { lang } = this;
    const { signal } = this.life;
    const asking = `${server} ${lang}`;
    if (asking === this.asked) return;
    this.asked = asking;
    const found = lang ? await wordsOf(server, lang).catch(() => null) : null;
    if (asking !== this.asked) return;
    if (!found || signal.aborted) this.asked = "";
    if (signal.aborted) return;
    if (lang && !found) console.warn(`live-posts: ${server.origin} has no words for the language ${lang}`);
    if (found === this.words) return;
    this.words = found && { ...found, language: lang };
    this.say();
  }

  get status(): Status | "idle" {
    return this.reader?.status ?? "idle";
  }

  get revision(): number {
    return this.reader?.view.revision ?? 0;
  }

  /** The posts that are shown, newest first. */
  get posts(): readonly Held[] {
    return (this.reader?.view.posts() ?? []).filter((post) => post.show).reverse();
  }

  /** Loads the next older posts. Resolves at once if there are none. */
  loadOlder(): Promise<void> {
    return this.reader?.loadOlder() ?? Promise.resolve();
  }

  connectedCallback(): void {
    this.life = new AbortController();
    // While the page is being parsed, the element has no children yet.
    if (document.readyState !== "loading") return this.begin();
    document.addEventListener("DOMContentLoaded", () => this.begin(), { once: true, signal: this.life.signal });
  }

  disconnectedCallback(): void {
    this.life.abort();
    this.reader?.stop();
  }

  attributeChangedCallback(_: string, before: string | null, after: string | null): void {
    if (before === after || !this.isConnected || document.readyState === "loading" || this.turning) return;
    this.turning = true; // attributes that change together cause one change
    queueMicrotask(() => {
      this.turning = false;
      if (this.isConnected) this.begin();
    });
  }

  private begin(): void {
    this.reader?.stop();
    const list = this.listURL();
    const source = list?.href ?? "";
    if (!list || !this.reader || source !== this.source) {
      if (this.source) this.frame.clear();
      this.source = source;
      this.reader = null;
    }
    if (!list) return;
    this.reader = this.read(list, this.reader?.view);
    this.reader.start();
    void this.learn(new URL("../../", list));
  }

  /** Returns the URL of the channel's list of transports, or null if the attributes do not give one. */
  private listURL(): URL | null {
    const { channel } = this;
    if (!channel) return null;
    try {
      return listOf(new URL(this.src || LivePosts.server || "/", document.baseURI), channel);
    } catch {
      console.error(`live-posts: src must be the URL of a server, not ${JSON.stringify(this.src)}`);
      return null;
    }
  }

  private read(list: URL, view?: View): Reader {
    const { frame, channel } = this;
    const server = new URL("../../", list);
    const all: Record<string, Transport> = { ...known, ...LivePosts.transports };
    const only = this.transports.split(/[\s,]+/).filter(Boolean).sort();
    const transports = only.length ? Object.fromEntries(Object.entries(all).filter(([name]) => only.includes(name))) : all;
    const unknown = only.filter((name) => !(name in all));
    if (unknown.length) console.warn(`live-posts: ${unknown.join(", ")} is no transport; there are ${Object.keys(all).join(", ")}`);
    if (!view) frame.takeOver(channel);
    return new Reader({
      channel,
      view,
      transportsURL: list,
      transports,
      shareAs: only.join(" "),
      parts: frame.parts,
      // A server whose heartbeat is not the usual one says so in the HTML that it renders.
      silenceMs: 3 * Number(this.dataset.heartbeat || frame.parts.list.dataset.heartbeat || 15_000),
      labels: this.saying,
      language: this.words?.language,
      follows: topOfList,
      toTop: () => this.scrollIntoView({ block: "start", behavior: pace() }),
      dress: (wrapper, post) => {
        lead(post, server);
        reword(post, this.words ? this.saying : this.ownLabels);
        frame.dress(wrapper, post);
      },
      onUpdate: (view, added) => {
        frame.show();
        const { revision, title, ended, complete, gone } = view;
        const detail: LivePostsUpdate = { channel, revision, title, ended, complete, gone, added };
        this.tell("live-posts-update", detail);
      },
      onStatus: (status) => {
        const detail: LivePostsStatus = { channel, status };
        this.tell("live-posts-status", detail);
      },
      onEnded: (ended) => frame.root.classList.toggle("has-ended", ended),
      onOlder: (link, came) => {
        const say = { ...english, ...this.saying };
        link.textContent = came ? say.earlier : say.earlierFailed;
      },
    });
  }

  private tell(type: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}

/** Defines <live-posts>, in browsers. Elements that are in the document begin at once. */
export function define(): void {
  if (typeof customElements !== "undefined" && !customElements.get("live-posts")) customElements.define("live-posts", LivePosts);
}
