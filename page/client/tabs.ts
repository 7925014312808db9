import { canShare } from "./surroundings";
import { isObject } from "./update";

export interface TabsOptions {
  /** Pages with the same name share their connections. */
  name: string;
  /** Ends sharing for this page. */
  signal: AbortSignal;
  /** Is called when this page leads. It does until the signal aborts. */
  lead(signal: AbortSignal): void;
  /** Is called when this page follows another one, which may not know it yet. */
  follow(): void;
  /** Tells the other pages how the channels stand. Is called every 10 s while this page leads. */
  beat(): void;
  /** Takes a message of the leading page. */
  told(message: Record<string, unknown>): void;
  /** Takes a message of a page that follows, while this page leads. */
  asked(page: string, message: Record<string, unknown>): void;
  /** Is called when a page that has asked is gone. */
  gone(page: string): void;
}

const beatMs = 10_000;
const silentMs = 25_000;
const answerMs = 5000;

/**
 * Lets the visible pages of one browser share their connections. A Web Lock says which page leads. Only the leader is connected; pages
 * talk by BroadcastChannel. The lock goes to another page when the leader closes, crashes or is hidden. If the leader hangs, another
 * page takes the lock. Each page also holds a lock of its own, so that the leader learns when it is gone.
 */
export class Tabs {
  leads = false;
  private readonly page = Math.random().toString(36).slice(2);
  private readonly channel: BroadcastChannel | null = null;
  private readonly pages = new Set<string>();
  private role = new AbortController();
  private timer = 0;
  /** This page holds its own lock, so it may ask. */
  private known = false;

  constructor(private readonly o: TabsOptions) {
    o.signal.addEventListener("abort", () => this.close(), { once: true });
    if (canShare()) {
      this.channel = new BroadcastChannel(o.name);
      this.channel.onmessage = (event) => this.hear(event.data);
    }
  }

  /** Begins. Each page leads itself if connections can't be shared. */
  start(): void {
    if (!this.channel) return this.take(true);
    this.claim(false);
    const introduce = (): void => {
      this.known = true;
      if (!this.leads) this.o.follow();
    };
    this.hold(`${this.o.name} ${this.page}`, { signal: this.o.signal }, introduce).catch(() => undefined);
    this.wait(answerMs);
  }

  /** Tells the other pages something, if this page leads. */
  tell(message: Record<string, unknown>): void {
    if (this.leads) this.post(message);
  }

  /** Asks the leading page for something, if this page follows. */
  ask(message: Record<string, unknown>): void {
    if (this.known && !this.leads) this.post({ ...message, page: this.page });
  }

  private post(message: unknown): void {
    if (!this.o.signal.aborted) this.channel?.postMessage(message);
  }

  private hear(message: unknown): void {
    if (!isObject(message)) return;
    const { page } = message;
    if (page === undefined && !this.leads) {
      this.wait(silentMs);
      if (message.call === true) this.o.follow();
      this.o.told(message);
    } else if (typeof page === "string" && this.leads) {
      this.watch(page);
      this.o.asked(page, message);
    }
  }

  /** Learns when a page is gone. */
  private watch(page: string): void {
    if (this.pages.has(page)) return;
    this.pages.add(page);
    const { signal } = this.role;
    const gone = (): void => {
      this.pages.delete(page);
      if (!signal.aborted) this.o.gone(page);
    };
    navigator.locks.request(`${this.o.name} ${page}`, { signal }, gone).catch(() => undefined);
  }

  /** Queues for the lead, or takes it from a page that hangs. */
  private claim(steal: boolean): void {
    const { name, signal } = this.o;
    this.hold(name, steal ? { steal } : { signal }, () => this.take(true)).catch((err: unknown) => {
      if (signal.aborted) return;
      const stolen = err instanceof DOMException && err.name === "AbortError";
      this.take(!stolen); // any other error means that locks are forbidden here
      if (stolen && !steal) this.claim(false); // a page that stole the lock is still in the queue
    });
  }

  /** Holds a lock until sharing ends. */
  private hold(name: string, options: LockOptions, held: () => void): Promise<unknown> {
    const { signal } = this.o;
    return navigator.locks.request(name, options, () =>
      new Promise<void>((release) => {
        if (signal.aborted) return release();
        signal.addEventListener("abort", () => release(), { once: true });
        held();
      }),
    );
  }

  private take(leads: boolean): void {
    this.role.abort();
    this.role = new AbortController();
    this.pages.clear();
    this.leads = leads;
    this.stopTimer();
    if (!leads) {
      this.wait(silentMs);
      return this.o.follow();
    }
    this.o.lead(this.role.signal);
    this.post({ call: true });
    this.timer = setInterval(() => this.o.beat(), beatMs);
  }

  /** Takes the lead if the leader says nothing for so long. */
  private wait(ms: number): void {
    this.stopTimer();
    this.timer = setTimeout(() => this.claim(true), ms * (1 + Math.random() / 4));
  }

  private stopTimer(): void {
    clearTimeout(this.timer); // clears intervals too (HTML, section 8.6)
  }

  private close(): void {
    this.stopTimer();
    this.channel?.close();
    this.role.abort();
  }
}
