import { hold, type Follows } from "./anchor";
import { announcer } from "./announce";
import { Connection, type Status } from "./connection";
import { List, read } from "./dom";
import { newPosts } from "./fresh";
import { english, type Labels } from "./labels";
import { loadOlder, olderURL } from "./older";
import { tellTimes } from "./times";
import type { Transport } from "./transports/transport";
import { isUpdate } from "./update";
import { View } from "./view";

/** The elements that a reader shows a channel in; all but the list may be missing. */
export interface Parts {
  list: HTMLElement;
  title?: HTMLElement | null;
  status?: HTMLElement | null;
  /** A live region for screen readers. */
  announce?: HTMLElement | null;
  /** The way up to posts that came in above the reader. */
  fresh?: HTMLButtonElement | null;
  /** The link to the posts below; without script, and where they can't be had, one to the server's page of them. */
  older?: HTMLAnchorElement | null;
  empty?: HTMLElement | null;
}

export interface ReaderOptions {
  channel: string;
  /** The channel's list of transports, which the server's other URLs follow from. */
  transportsURL: URL;
  transports: Readonly<Record<string, Transport>>;
  /** Tells apart, among the pages and elements that could share a connection, those that want others of the transports. */
  shareAs?: string;
  parts: Parts;
  /** What the list shows already, of an earlier reader; else it is read from the list. */
  view?: View;
  labels?: Partial<Labels>;
  follows: Follows;
  toTop(): void;
  dress?(wrapper: HTMLElement, post: Element): void;
  /** Called when the view has changed, with the IDs of visible posts that came. */
  onUpdate?(view: View, added: string[]): void;
  onStatus?(status: Status): void;
  onEnded?(ended: boolean): void;
  /** Called when older posts were asked for by the link, and whether they came. */
  onOlder?(link: HTMLAnchorElement, came: boolean): void;
  firstUpdateMs?: number;
  backoffMs?: number;
  silenceMs?: number;
}

/**
 * A channel, shown in elements of a page and kept live: what the live page and the custom element have in common. It
 * begins with the posts that the list has. start and stop may follow each other; it then goes on from its revision.
 */
export class Reader {
  readonly view: View;
  status: Status = "paused";
  private readonly channelPage: URL;
  private list: List | null = null;
  private life = new AbortController();
  private connection: Connection | null = null;
  private labels: Labels;
  private announce: (count: number) => void = () => undefined;
  private fresh: (wrappers: HTMLElement[]) => void = () => undefined;
  private loading: Promise<void> | null = null;

  constructor(private readonly o: ReaderOptions) {
    this.labels = { ...english, ...o.labels };
    this.channelPage = new URL(o.transportsURL.href.replace(/\/transports$/, ""));
    this.view = o.view ?? new View();
    if (o.view) return;
    const { list, title } = o.parts;
    const posts = read(list);
    const { revision, complete, ended } = list.dataset;
    this.view.apply({
      channel: o.channel,
      from: 0,
      revision: Number(revision ?? 0),
      renders: Object.fromEntries(posts.map((post) => [post.id, post])),
      removals: [],
      reset: true,
      complete: complete === "true",
      title: list.dataset.title ?? title?.textContent ?? "",
      ended: ended || null,
    }, true);
  }

  /** Connects, where it is not connected already. */
  start(): void {
    if (this.connection) return;
    const { o, view } = this;
    const { parts } = o;
    this.life = new AbortController();
    const { signal } = this.life;
    this.list = new List(parts.list, view.posts(), { signal, follows: o.follows, dress: o.dress });
    this.announce = announcer(parts.announce, signal, (n) => this.labels.newPosts(n));
    this.fresh = newPosts(parts.fresh, signal, (n) => this.labels.newPosts(n), o.toTop);
    parts.older?.addEventListener("click", (event) => this.followOlder(event), { signal });
    const connection = new Connection({
      transportsURL: o.transportsURL,
      shareAs: o.shareAs,
      transports: o.transports,
      cursor: () => view.revision,
      deliver: (update, asked) => {
        if (!isUpdate(update)) return true;
        const before = view.revision;
        const again = view.apply(update, asked);
        const added = before === 0 || view.revision === before ? this.show(false) : this.show(true);
        if (view.gone) connection.stop("gone");
        else this.tell("live");
        if (view.revision !== before || update.reset) o.onUpdate?.(view, added);
        return again;
      },
      onStatus: (status) => this.tell(status),
      firstUpdateMs: o.firstUpdateMs,
      backoffMs: o.backoffMs,
      silenceMs: o.silenceMs,
    });
    this.connection = connection;
    const times = setInterval(() => {
      const release = hold(parts.list, new Set(), o.follows);
      tellTimes(parts.list);
      release();
    }, 30_000);
    signal.addEventListener("abort", () => clearInterval(times), { once: true });
    this.show(false);
    connection.start();
  }

  /** Disconnects, and leaves what is shown. */
  stop(status: Status = "paused"): void {
    this.life.abort();
    this.connection?.stop(status);
    this.connection = null;
  }

  /** Says what it says in other words from now on. */
  say(labels: Partial<Labels>): void {
    this.labels = { ...english, ...labels };
    this.tell(this.status);
  }

  /** Loads the next older posts in place; rejects where they can't be had. */
  loadOlder(): Promise<void> {
    const { older, announce } = this.o.parts;
    const { signal } = this.life;
    older?.setAttribute("aria-busy", "true");
    this.loading ??= loadOlder(this.view, this.channelPage, signal)
      .then(() => {
        const added = this.show(false);
        if (announce && !signal.aborted) announce.textContent = this.labels.earlierPosts(added.length);
        this.o.onUpdate?.(this.view, added);
      })
      .finally(() => {
        this.loading = null;
        older?.removeAttribute("aria-busy");
      });
    return this.loading;
  }

  private followOlder(event: MouseEvent): void {
    const link = this.o.parts.older;
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (this.loading) return;
    const { signal } = this.life;
    this.loadOlder().then(
      () => this.o.onOlder?.(link, true),
      () => signal.aborted || this.o.onOlder?.(link, false),
    );
  }

  /** Shows what the view holds; news says that what is new came while the page was open. Returns the IDs of what is new. */
  private show(news: boolean): string[] {
    const { parts, onEnded } = this.o;
    const { view, list } = this;
    const fresh = list?.sync(view.posts()) ?? [];
    if (news) {
      for (const wrapper of fresh) list?.flash(wrapper, "is-new");
      this.announce(fresh.length);
    }
    this.fresh(news ? fresh : []);
    tellTimes(parts.list);
    const empty = list?.empty() ?? true;
    parts.list.hidden = empty; // a feed has articles (ARIA)
    parts.empty?.toggleAttribute("hidden", view.revision === 0 || !empty);
    onEnded?.(view.ended !== null);
    if (parts.title && view.title && parts.title.textContent !== view.title) parts.title.textContent = view.title;
    const older = view.older();
    if (parts.older) {
      parts.older.hidden = older === null;
      if (older) parts.older.href = olderURL(older, this.channelPage).href;
    }
    return fresh.map((wrapper) => wrapper.querySelector<HTMLElement>(".live-post")?.dataset.postId ?? "");
  }

  private tell(status: Status): void {
    const changed = status !== this.status;
    this.status = status;
    const { status: element } = this.o.parts;
    if (element) {
      element.dataset.liveStatus = status;
      const text = this.labels[status === "live" && this.view.ended !== null ? "ended" : status];
      if (element.textContent !== text) element.textContent = text;
    }
    if (changed) this.o.onStatus?.(status);
  }
}
