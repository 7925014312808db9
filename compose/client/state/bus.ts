import type { Settled } from "./change";

/** What the tabs of one browser tell each other. The database says everything that counts: a message that is lost only makes others late. */
export type Message =
  | { kind: "entries" } // the outbox has changed
  | { kind: "settled"; settled: Settled }
  | { kind: "kick" } // send now, whatever was waited for
  | { kind: "file"; key: string }
  | { kind: "account" } // somebody has signed in or out
  | { kind: "beat" }; // the tab that sends is there

/** Carries messages between the tabs of one browser. A tab does not hear itself. */
export class Bus {
  private readonly channel: BroadcastChannel | null;
  private readonly heard = new Set<(m: Message) => void>();

  constructor(name: string) {
    this.channel = typeof BroadcastChannel === "function" ? new BroadcastChannel(name) : null;
    if (this.channel) this.channel.onmessage = (event) => this.heard.forEach((f) => f(event.data as Message));
  }

  on(f: (m: Message) => void): void {
    this.heard.add(f);
  }

  tell(m: Message): void {
    this.channel?.postMessage(m);
  }

  close(): void {
    this.heard.clear();
    this.channel?.close();
  }
}
