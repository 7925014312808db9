import type { Status } from "./connection";
import { canShare } from "./surroundings";
import { isObject, isUpdate, type Update } from "./update";

/** A page's turn to use the network: while it leads or, if it does not lead, until it has caught up. */
export interface Turn {
  readonly leads: boolean;
  readonly signal: AbortSignal;
}

/** What the leading page tells the others about itself. */
export interface Word {
  status: Status;
  revision: number;
  transport: string;
}

export interface SharedOptions {
  /** Pages with the same name share one connection. */
  name: string;
  /** Ends sharing for this page. */
  signal: AbortSignal;
  cursor(): number;
  /** Returns what to tell the other pages while this page leads. */
  word(): Word;
  /** Is called with what the leading page tells. behind is true if this page lacks something that the leader has. */
  heard(word: Word, behind: boolean): void;
  /** Takes an update from the leading page. Returns true if it does not fit what this page holds. */
  deliver(update: Update): boolean;
}

const beatMs = 10_000;
const silentMs = 25_000;
const answerMs = 5000;

/**
 * Shares one connection among the visible pages of one browser that show the same channel. A Web Lock says which page
 * leads. Only the leader is connected; it passes updates on by BroadcastChannel. The lock goes to another page when the
 * leader closes, crashes or is hidden. If the leader hangs, another page takes the lock. A page that missed something asks
 * the server itself, so no page relies on what another page remembers.
 */
export class Shared {
  private readonly channel: BroadcastChannel | null = null;
  private leads = false;
  private behind = false;
  private role = new AbortController();
  private timer = 0;
  private wake = (): void => undefined;

  constructor(private readonly o: SharedOptions) {
    o.signal.addEventListener("abort", () => this.close(), { once: true });
    if (!canShare()) {
      this.leads = true; // each page has its own connection
      return;
    }
    this.channel = new BroadcastChannel(o.name);
    this.channel.onmessage = (event) => this.hear(event.data);
    this.claim(false);
    this.post({ hello: true });
    this.wait(answerMs);
  }

  /** Resolves when this page must use the network, or when sharing ends for this page. */
  async turn(): Promise<Turn> {
    while (!this.leads && !this.behind && !this.o.signal.aborted) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    return { leads: this.leads, signal: this.role.signal };
  }

  /** Must be called when this page, which does not lead, has caught up. */
  caughtUp(): void {
    this.behind = false;
  }

  /** Passes an update on to the other pages, if this page leads. */
  pass(update: Update): void {
    const heartbeat = update.from === update.revision && !update.reset;
    if (this.leads && !heartbeat) this.post({ update });
  }

  /** Tells the other pages about this page, if it leads. */
  beat(): void {
    if (this.leads) this.post({ word: this.o.word() });
  }

  private post(message: unknown): void {
    if (!this.o.signal.aborted) this.channel?.postMessage(message);
  }

  private hear(message: unknown): void {
    if (!isObject(message)) return;
    if (message.hello === true) this.beat();
    if (this.leads) return;
    if (isUpdate(message.update)) {
      this.wait(silentMs);
      const again = this.o.deliver(message.update);
      if (again || this.o.cursor() >= message.update.revision) this.lacks(again);
    }
    if (isWord(message.word)) {
      this.wait(silentMs);
      this.lacks(this.behind || this.o.cursor() < message.word.revision);
      this.o.heard(message.word, this.behind);
    }
  }

  private lacks(something: boolean): void {
    this.behind = something;
    if (something) this.wake();
  }

  /** Queues for the lock, or takes it from a page that hangs. */
  private claim(steal: boolean): void {
    const { name, signal } = this.o;
    const held = (): Promise<void> =>
      new Promise((release) => {
        if (signal.aborted) return release();
        signal.addEventListener("abort", () => release(), { once: true });
        this.take(true);
      });
    navigator.locks.request(name, steal ? { steal } : { signal }, held).catch((err: unknown) => {
      if (signal.aborted) return;
      const stolen = err instanceof DOMException && err.name === "AbortError";
      this.take(!stolen); // any other error means that locks are forbidden here
      if (stolen && !steal) this.claim(false); // a page that stole the lock is still in the queue
    });
  }

  private take(leads: boolean): void {
    this.leads = leads;
    this.behind = false;
    this.stopTimer();
    if (leads) {
      this.beat();
      this.timer = setInterval(() => this.beat(), beatMs);
    } else {
      this.wait(silentMs);
    }
    this.turnOver();
  }

  /** Takes the lead if the leader says nothing for so long. */
  private wait(ms: number): void {
    this.stopTimer();
    this.timer = setTimeout(() => this.claim(true), ms * (1 + Math.random() / 4));
  }

  private stopTimer(): void {
    clearTimeout(this.timer); // clears intervals too (HTML, section 8.6)
  }

  private turnOver(): void {
    this.role.abort();
    if (!this.o.signal.aborted) this.role = new AbortController();
    this.wake();
  }

  private close(): void {
    this.stopTimer();
    this.channel?.close();
    this.turnOver();
  }
}

const statuses: readonly unknown[] = ["connecting", "live", "reconnecting", "blocked"];

function isWord(value: unknown): value is Word {
  return (
    isObject(value) &&
    statuses.includes(value.status) &&
    Number.isSafeInteger(value.revision) &&
    typeof value.transport === "string"
  );
}
