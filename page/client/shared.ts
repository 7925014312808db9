import type { Status } from "./connection";
import { isObject, isUpdate, type Update } from "./update";

/** A page's turn to use the network: for as long as it leads, or, where it does not, to catch up. */
export interface Turn {
  readonly leads: boolean;
  readonly signal: AbortSignal;
}

/** How the leading page fares. */
export interface Word {
  status: Status;
  revision: number;
  transport: string;
}

export interface SharedOptions {
  /** Pages with the same name share one connection. */
  name: string;
  /** Ends this page's part in it. */
  signal: AbortSignal;
  cursor(): number;
  /** What to tell of this page while it leads. */
  word(): Word;
  /** Takes what the leading page says of itself; behind tells that this page lacks something that the leader has. */
  heard(word: Word, behind: boolean): void;
  /** Takes an update of the leading page's; true where it can't be applied to what this page holds. */
  deliver(update: Update): boolean;
}

const beatMs = 10_000;
const silentMs = 25_000;
const answerMs = 5000;

/**
 * The pages of one browser that show the same channel, and are visible. A Web Lock says which of them leads: it alone
 * is connected, and passes updates on by BroadcastChannel. The lock goes to another page when this one closes, crashes
 * or is hidden; where the leader hangs, another one takes it. A page that missed something catches up by itself, so
 * that none relies on what another one remembers.
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
    // Both are missing outside secure contexts and in older browsers: then each page is on its own.
    if (!navigator.locks || typeof BroadcastChannel !== "function") {
      this.leads = true;
      return;
    }
    this.channel = new BroadcastChannel(o.name);
    this.channel.onmessage = (event) => this.hear(event.data);
    this.claim(false);
    this.post({ hello: true });
    this.wait(answerMs);
  }

  /** Resolves when this page is to use the network, or when its part ends. */
  async turn(): Promise<Turn> {
    while (!this.leads && !this.behind && !this.o.signal.aborted) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    return { leads: this.leads, signal: this.role.signal };
  }

  /** This page, which does not lead, has what it lacked. */
  caughtUp(): void {
    this.behind = false;
  }

  /** Passes an update on to the others, where this page leads. */
  pass(update: Update): void {
    const heartbeat = update.from === update.revision && !update.reset;
    if (this.leads && !heartbeat) this.post({ update });
  }

  /** Tells the others how this page fares, where it leads. */
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
      this.take(!stolen); // any other error says that locks are forbidden here
      if (stolen && !steal) this.claim(false); // who stole it is still in the queue
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

  /** Takes the lead where the leader says nothing for so long. */
  private wait(ms: number): void {
    this.stopTimer();
    this.timer = setTimeout(() => this.claim(true), ms * (1 + Math.random() / 4));
  }

  private stopTimer(): void {
    clearTimeout(this.timer); // of intervals too: they are of one list (HTML, section 8.6)
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
