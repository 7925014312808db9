import { batch, signal, type ReadonlySignal } from "@preact/signals";
import { Connection, type Status } from "../../../page/client/connection";
import { listFor } from "../../../page/client/follow";
import { known } from "../../../page/client/npm/index";
import type { Update } from "../../../page/client/update";
import type { Channel, Post } from "../model";
import { asPost, channelPath, isAbsent, newer, type Api } from "./api";
import type { Outbox } from "./outbox";
import { isBelow, lastOf, PostList } from "./postlist";
import { failureOf } from "./problem";
import type { Problem } from "./types";
import { backoffMs, Wake } from "./wake";

/** What the channel itself is, as far as the live feed tells. */
export interface Live {
  title: string;
  ended: string | null;
  /** The channel was deleted. */
  gone: boolean;
}

interface Page {
  posts: Post[];
  head: number;
  next: string | null;
}

/** The shortest time between two rounds of requests for what has changed. */
const roundMs = 400;
const gatherMs = 100;
/** If more posts than this have changed, whole pages are asked for. */
const few = 4;
/** How many requests a round makes at most. */
const mostRequests = 6;
const pageSize = 50;
const largest = 100;
/** After a reset so many pages are loaded again. What is below them the person loads again. */
const mostAgain = 5;

/**
 * The posts of a channel as an editor sees them, hidden ones too, the newest first. They are read by REST. The live feed tells which ones
 * have changed, and only those are read again.
 */
export class Posts {
  private readonly held = new PostList();
  private readonly shown = signal<Post[] | null>(null);
  private readonly rest = signal<string | null>(null);
  private readonly feed = signal<Status>("connecting");
  private readonly channelNow = signal<Live | null>(null);
  private readonly wrong = signal<Problem | null>(null);
  private readonly life = new AbortController();
  private readonly waker = new Wake();
  private connection: Connection | null = null;
  private readonly unlisten: () => void;
  /** The revision up to which the live feed has been heard. */
  private cursor = 0;
  /** Posts to read again, with the revision that they have at least. */
  private readonly wanted = new Map<string, number>();
  private anew = true;
  /** A page is being read: whatever changes meanwhile is to be read again. */
  private reading = false;
  private turn: Promise<void> = Promise.resolve();
  private loading: Promise<void> | null = null;

  constructor(
    private readonly api: Api,
    readonly channel: string,
    outbox: Outbox,
    until: AbortSignal,
    private readonly only?: readonly string[],
  ) {
    this.unlisten = outbox.onSettled((s) => {
      if (s.change.channel !== channel) return;
      if (s.post) this.held.put(s.post);
      else if (s.post === null && "post" in s.change) this.held.remove(s.change.post);
      this.show();
    });
    const stop = (): void => this.stop();
    until.addEventListener("abort", stop, { once: true });
    this.life.signal.addEventListener("abort", () => until.removeEventListener("abort", stop));
    for (const event of ["online", "focus"]) addEventListener(event, () => this.waker.wake(), { signal: this.life.signal });
    void this.work();
  }

  /** null: not known yet. */
  get list(): ReadonlySignal<Post[] | null> {
    return this.shown;
  }

  /** Whether there are older posts; loadMore brings them. */
  get more(): ReadonlySignal<string | null> {
    return this.rest;
  }

  get status(): ReadonlySignal<Status> {
    return this.feed;
  }

  /** null: not known yet. */
  get live(): ReadonlySignal<Live | null> {
    return this.channelNow;
  }

  /** Why the list can't be read now. */
  get problem(): ReadonlySignal<Problem | null> {
    return this.wrong;
  }

  find(id: string): Post | undefined {
    return this.held.get(id);
  }

  /** Adds the next older posts. */
  loadMore(): Promise<void> {
    return (this.loading ??= this.alone(() => this.older()).finally(() => (this.loading = null)));
  }

  stop(): void {
    this.life.abort();
    this.unlisten();
    this.connection?.stop("paused");
  }

  /** Reads what is to be read, round by round. */
  private async work(): Promise<void> {
    const { signal } = this.life;
    for (let failures = 0; !signal.aborted; ) {
      try {
        const last = Date.now();
        await this.alone(() => (this.anew ? this.reload() : this.round()));
        failures = 0;
        this.wrong.value = null;
        if (!this.connection && !signal.aborted) this.follow();
        if (!this.wanted.size && !this.anew) await this.waker.wait(Infinity, signal);
        await new Wake().wait(Math.max(gatherMs, last + roundMs - Date.now()), signal); // what comes together is read together
      } catch (err) {
        if (signal.aborted) return;
        const failure = failureOf(err);
        this.wrong.value = failure.problem;
        await this.waker.wait(backoffMs(++failures, failure.waitMs), signal);
      }
    }
  }

  /** Runs work when no other reading is under way: an answer must not meet a list that another one has moved. */
  private alone(work: () => Promise<void>): Promise<void> {
    const mine = this.turn.then(work);
    this.turn = mine.catch(() => undefined);
    return mine;
  }

  /** Reads the list anew, down to where it was read before. */
  private async reload(): Promise<void> {
    const { floor, empty: first } = this.held;
    const fresh: Post[] = [];
    let head = Infinity;
    this.anew = false;
    this.reading = true;
    try {
      if (first) this.channelNow.value = await this.channelItself();
      for (let next: string | null = "", n = 1; ; n++) {
        const page: Page = await this.page(next, first ? pageSize : largest);
        fresh.push(...page.posts);
        head = Math.min(head, page.head);
        next = page.next;
        const last = lastOf(page.posts);
        const deep = first || n >= mostAgain || (floor !== null && last !== undefined && isBelow(last, floor));
        if (next !== null && !deep) continue;
        this.held.replace(fresh, next === null ? null : (last ?? null));
        this.rest.value = next;
        break;
      }
    } catch (err) {
      this.anew = true;
      throw err;
    } finally {
      this.reading = false;
    }
    if (!this.cursor) this.cursor = head;
    this.show();
  }

  /** Reads posts that have changed: one by one if they are few, otherwise the pages that have them. */
  private async round(): Promise<void> {
    if (!this.wanted.size) return;
    let requests = 0;
    for (let next: string | null = ""; next !== null && this.wanted.size > few && requests < mostRequests; requests++) {
      const page: Page = await this.page(next, largest);
      page.posts.forEach((p) => this.took(p));
      const last = lastOf(page.posts);
      next = last && this.held.has(last) ? page.next : null;
    }
    for (const [id, revision] of [...this.wanted]) {
      if (requests++ >= mostRequests) break;
      try {
        this.took(await this.api.post(this.channel, id, this.life.signal));
      } catch (err) {
        if (!isAbsent(err)) throw err;
        this.held.forget(id); // it was removed, or hidden from whoever may not see hidden posts
        if (this.wanted.get(id) === revision) this.wanted.delete(id);
      }
    }
    this.show();
  }

  private async channelItself(): Promise<Live> {
    const { title, ended } = (await this.api.get<Channel>(channelPath(this.channel), this.life.signal)).value;
    return { title, ended, gone: false };
  }

  private took(post: Post): void {
    this.held.put(post);
    if (!newer(this.wanted.get(post.id) ?? 0, post.revision)) this.wanted.delete(post.id);
  }

  private follow(): void {
    const o = { src: this.api.base || "/", channel: this.channel };
    this.connection = new Connection({
      channel: this.channel,
      transportsURL: listFor(o),
      transports: this.only ? Object.fromEntries(Object.entries(known).filter(([name]) => this.only?.includes(name))) : known,
      shareAs: this.only ? [...this.only].sort().join(" ") : "",
      cursor: () => this.cursor,
      deliver: (update, asked) => this.hear(update, asked),
      onStatus: (status) => {
        this.feed.value = status;
        if (status === "gone") this.channelNow.value = { title: "", ended: null, ...this.channelNow.peek(), gone: true };
      },
    });
    this.connection.start();
  }

  /** Takes an update by the rules for a reader (docs/wire.md). Returns true if it does not fit. */
  private hear(u: Update, asked: boolean): boolean {
    if (u.reset) {
      if (!asked && u.revision <= this.cursor) return u.revision < this.cursor;
      this.anew = true;
      this.wanted.clear();
    } else {
      if (u.revision <= this.cursor) return false;
      if (u.from > this.cursor) return true;
      for (const [id, render] of Object.entries(u.renders)) this.changed(id, render);
      for (const id of u.removals) {
        this.held.remove(id);
        this.wanted.delete(id);
      }
      if (u.removals.length) this.show();
    }
    this.cursor = u.revision;
    this.state(u);
    if (u.gone) this.connection?.stop("gone");
    if (this.anew || this.wanted.size) this.waker.wake();
    return false;
  }

  private changed(id: string, place: { created: string; revision: number }): void {
    const held = this.held.get(id);
    if (held && !newer(place.revision, held.revision)) return;
    if (!held && !this.reading && !this.held.has({ ...place, id })) return;
    this.wanted.set(id, Math.max(this.wanted.get(id) ?? 0, place.revision));
  }

  private state(u: Update): void {
    const before = this.channelNow.peek();
    const told = u.title !== undefined || u.ended !== undefined;
    if (!told && !u.gone) return;
    const { title, ended } = told ? { title: u.title ?? "", ended: u.ended ?? null } : (before ?? { title: "", ended: null });
    this.channelNow.value = { title, ended, gone: u.gone === true };
  }

  private async older(): Promise<void> {
    const next = this.rest.peek();
    if (next === null) return;
    this.reading = true;
    try {
      const page = await this.page(next, pageSize);
      this.held.extend(page.posts, page.next === null);
      batch(() => {
        this.rest.value = page.next;
        this.show();
      });
    } finally {
      this.reading = false;
      this.waker.wake();
    }
  }

  private async page(next: string, limit: number): Promise<Page> {
    const query = `?limit=${limit}${next ? `&before=${encodeURIComponent(next)}` : ""}`;
    const { value } = await this.api.get<Page>(`${channelPath(this.channel)}/posts${query}`, this.life.signal);
    return { ...value, posts: ((value.posts as Post[] | null) ?? []).map(asPost) };
  }

  private show(): void {
    if (!this.held.empty) this.shown.value = this.held.sorted();
  }
}
