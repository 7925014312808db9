import type { Moved } from "./transports/transport";

/** A transport that the server offers. */
export interface Offer {
  name: string;
  url: string;
}

/** For how long another transport is used if the server asks for it, whatever it says. */
const shortest = 5_000;
const longest = 3_600_000;

/** The transport that the server has asked to use for a while, instead of the current one. */
export class Detour {
  private offer: Offer | null = null;
  private until = 0;

  /** Begins, and returns whether it could. In a detour the client is not sent on to a further one. */
  begin(to: Moved, offers: readonly Offer[], current: string): boolean {
    const offer = offers.find((t) => t.name === to.transport && t.name !== current);
    const may = !this.offer && offer !== undefined;
    this.offer = may ? offer : null;
    this.until = Date.now() + Math.min(Math.max(to.forMs, shortest), longest) * (1 + Math.random() / 4);
    return may;
  }

  /** Returns the transport to use, or null if there is no detour. */
  now(): Offer | null {
    if (Date.now() >= this.until) this.end();
    return this.offer;
  }

  /** How many milliseconds are left. */
  left(): number {
    return this.until - Date.now();
  }

  end(): void {
    this.offer = null;
  }
}
