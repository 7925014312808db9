import type { Bus } from "./bus";

export interface LeadOptions {
  name: string;
  bus: Bus;
  signal: AbortSignal;
  /** Is called when this tab leads. It does until the signal aborts. */
  lead(signal: AbortSignal): void;
  /** Whether there is something to do for a leader. */
  busy(): boolean;
}

const beatMs = 5000;
const silentMs = 20_000;

/**
 * Chooses the one tab of a browser that sends, by a Web Lock. It goes to another tab when the leading one is closed or crashes. If the
 * leading one says nothing although there is something to send, such as a tab that a phone has put to sleep, a visible tab takes the
 * lock. Without locks, on pages over plain HTTP, each tab sends: the server's keys and validators keep a change from being made twice.
 */
export class Lead {
  leads = false;
  private role = new AbortController();
  private heard = Date.now();

  constructor(private readonly o: LeadOptions) {
    o.bus.on((m) => {
      if (m.kind === "beat") this.heard = Date.now();
    });
    const timer = setInterval(() => this.beat(), beatMs);
    o.signal.addEventListener("abort", () => {
      clearInterval(timer);
      this.lose();
    });
    if (navigator.locks) this.claim(false);
    else this.win();
  }

  private beat(): void {
    const { bus, busy } = this.o;
    if (this.leads) bus.tell({ kind: "beat" });
    else if (!busy() || document.visibilityState !== "visible") this.heard = Date.now();
    else if (Date.now() - this.heard > silentMs) this.claim(true);
  }

  private claim(steal: boolean): void {
    const { name, signal } = this.o;
    this.heard = Date.now();
    const held = (): Promise<void> => {
      if (signal.aborted) return Promise.resolve();
      this.win();
      return new Promise((release) => signal.addEventListener("abort", () => release(), { once: true }));
    };
    navigator.locks.request(name, steal ? { steal } : { signal }, held).catch(() => {
      if (signal.aborted) return;
      this.lose(); // another tab has taken the lock
      if (!steal) this.claim(false); // a tab that stole it is still in the queue
    });
  }

  private win(): void {
    this.role.abort();
    this.role = new AbortController();
    this.leads = true;
    this.o.lead(this.role.signal);
  }

  private lose(): void {
    this.leads = false;
    this.role.abort();
  }
}
