import type { Moved } from "./transports/transport";

/** For how long another transport is used if the server asks for it, whatever it says. */
const shortest = 5_000;
const longest = 3_600_000;

/** The transport that the server has asked to use for a while, instead of the current one. */
export class Detour {
  private transport = "";
  private until = 0;

  /** Begins, and returns whether it could. In a detour the client is not sent on to a further one. */
  begin(to: Moved, known: boolean): boolean {
    const may = !this.transport && known;
    this.transport = may ? to.transport : "";
    this.until = Date.now() + Math.min(Math.max(to.forMs, shortest), longest) * (1 + Math.random() / 4);
    return may;
  }

  /** Returns the name of the transport to use, which is empty if there is no detour. */
  now(): string {
    if (Date.now() >= this.until) this.end();
    return this.transport;
  }

  /** How many milliseconds are left. */
  left(): number {
    return this.until - Date.now();
  }

  end(): void {
    this.transport = "";
  }
}
