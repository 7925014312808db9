import { hold, type Follows } from "./anchor";
import { announcer } from "./announce";
import { Connection, type Status } from "./connection";
import { List, read } from "./dom";
import { newPosts } from "./fresh";
import { english, type Labels } from "./labels";
import { loadOlder, olderURL } from "./older";
import { Clock, pageClock } from "./times";
import type { Transport } from "./transports/transport";
import { isUpdate } from "./update";
import { View } from "./view";

/** The elements in which a reader shows a channel. All but the list may be missing. */
export interface Parts {
  list: HTMLElement;
  title?: HTMLElement | null;
  status?: HTMLElement | null;
  /** A live region for screen readers. */
  announce?: HTMLElement | null;
  /** The button that leads up to new posts above what is being read. */
  fresh?: HTMLButtonElement | null;
  /** The link to older posts. Without scripts, or if they can't be loaded, it leads to the server's page of them. */
  older?: HTMLAnchorElement | null;
  empty?: HTMLElement | null;
}

export interface ReaderOptions {
  channel: string;
  /** The URL of the channel's list of transports. The server's other URLs follow from it. */
  transportsURL: URL;
  transports: Readonly<Record<string, Transport>>;
  /** Pages and elements share a connection only if they have the same shareAs: the transports that they may use. */
  shareAs?: string;
  parts: Parts;
  /** The view of an earlier reader, whose posts the list shows already. Without it, the posts are read from the list. */
  view?: View;
  labels?: Partial<Labels>;
  /** The language of times, if it is not the document's. */
  language?: string;
  follows: Follows;
  toTop(): void;
  dress?(wrapper: HTMLElement, post: Element): void;
  /** Called when the view has changed, with the IDs of visible posts that are new. */
  onUpdate?(view: View, added: string[]): void;
  onStatus?(status: Status): void;
  onEnded?(ended: boolean): void;
  /** Called after the link has asked for older posts. came tells whether they came. */
  onOlder?(link: HTMLAnchorElement, came: boolean): void;
  firstUpdateMs?: number;
  backoffMs?: number;
  silenceMs?: number;
}

/**
 * Shows a channel in elements of a page and keeps it live, for the live page and the custom element. It begins with the
 * posts that are in the list. It may be stopped and started again; it then resumes from its revision.
 */
export class Reader {
  readonly view: View;
  status: Status = "paused";
  private readonly channelPage: URL;
  private list: List | null = null;
  private life = new AbortController();
  private connection: Connection | null = null;
  private labels: Labels;
  private clock: Clock;
  private announce: (count: number) => void = () => undefined;
  private fresh: (wrappers: HTMLElement[]) => void = () => undefined;
  private loading: Promise<void> | null = null;

  constructor(private readonly o: ReaderOptions) {
    this.labels = { ...english, ...o.labels };
    this.clock = clockOf(o.language, o.labels);
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

  /** Connects, if it is not connected. */
  start(): void {
    if (this.connection) return;
    const { o, view } = this;
    const { parts } = o;
    this.life = new AbortController();
    const { signal } = this.life;
    this.list = new List(parts.list, view.posts(), {
      signal, follows: o.follows, clock: () => this.clock, pinned: () => this.labels.pinned, dress: o.dress,
    });
    this.announce = announcer(parts.announce, signal, (n) => this.labels.newPosts(n));
    this.fresh = newPosts(parts.fresh, signal, (n) => this.labels.newPosts(n), o.toTop);
    parts.older?.addEventListener("click", (event) => this.followOlder(event), { signal });
    const connection = new Connection({
      channel: o.channel,
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
      this.clock.tell(parts.list);
      release();
    }, 30_000);
    signal.addEventListener("abort", () => clearInterval(times), { once: true });
    this.show(false);
    connection.start();
  }

  /** Disconnects. The posts stay. */
  stop(status: Status = "paused"): void {
    this.life.abort();
    this.connection?.stop(status);
    this.connection = null;
  }

  /** Changes the texts and the language of times. */
  say(labels: Partial<Labels>, language?: string): void {
    this.labels = { ...english, ...labels };
    this.clock = clockOf(language, labels);
    this.list?.dress();
    this.clock.tell(this.o.parts.list);
    this.fresh([]);
    this.tell(this.status);
  }

  /** Loads the next older posts into the list. Rejects if they can't be loaded. */
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

  /**
   * Shows what the view holds, and returns the IDs of new posts. news must be true if they came while the page was open.
   */
  private show(news: boolean): string[] {
    const { parts, onEnded } = this.o;
    const { view, list } = this;
    const fresh = list?.sync(view.posts()) ?? [];
    if (news) {
      for (const wrapper of fresh) list?.flash(wrapper, "is-new");
      this.announce(fresh.length);
    }
    this.fresh(news ? fresh : []);
    this.clock.tell(parts.list);
    const empty = list?.empty() ?? true;
    parts.list.hidden = empty; // a feed must have articles (ARIA)
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

function clockOf(language: string | undefined, labels: Partial<Labels> = {}): Clock {
  return language === undefined ? pageClock() : new Clock(language, labels.justNow);
}
