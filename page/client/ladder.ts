import { Detour } from "./detour";
import type { Offer } from "./lists";
import { remembered } from "./memory";
import { denial, Ended, linked, Moved, Refused, sleep, type Transport } from "./transports/transport";

/** How a ladder stands: no transport has worked yet, one works, or one worked before. */
export type Standing = "connecting" | "live" | "reconnecting";

export interface Times {
  /** How long a transport may take to its first update; 5 s. */
  firstUpdateMs?: number;
  /** The shortest pause after a failure; 500 ms. It doubles up to 30 s. */
  backoffMs?: number;
  /** A stream that says nothing for so long is dead; 45 s. */
  silenceMs?: number;
}

/** One use of a transport. */
export interface Attempt {
  readonly signal: AbortSignal;
  /** The server has asked to use this transport for a while. */
  readonly away: boolean;
  /** Must be called when something has come. */
  heard(): void;
  /** Must be called if the transport may take as long as it likes. */
  patient(): void;
}

export interface LadderOptions {
  transports: Readonly<Record<string, Transport>>;
  times(): Times;
  /** Returns what the server offers. */
  offers(signal: AbortSignal): Promise<Offer[]>;
  /** Uses a transport, and rejects if it fails. If it resolves, the ladder is left. */
  use(offer: Offer, attempt: Attempt): Promise<void>;
  /** Is called when the standing may have changed. */
  changed(): void;
  /** Is called when the server's own answer to the list says that there is nothing to follow. */
  refused(status: "gone" | "refused"): void;
  /** Reports whether a transport that does not work is to be tried again after a while, whatever works meanwhile. */
  again(transport: string): boolean;
  /** Is called when a transport works that was not chosen only for a while. */
  works(transport: string): void;
}

const longestBackoff = 30_000;
/** If a transport worked for so long, the end of its connection is not its fault. */
const settledMs = 10_000;
/** A hub that does not work is tried again after so long, and up to a quarter more. Until then the other transports are used. */
export const hubAgainMs = 300_000;
/** A transport that worked before may fail so often in a row before the next transport is tried. */
const patience = 3;

/** Tries the transports in the server's order, each until it fails too often. */
export class Ladder {
  standing: Standing = "connecting";
  /** The transport in use; the next attempt begins with it. */
  current = remembered();
  /** The transport that brought the last update. */
  worked = "";
  /** Whether this attempt has used the transport, and when its first update came. */
  tried = false;
  began = 0;
  private known: Offer[] | null = null;
  /** Is used instead of the current transport, and is not remembered. */
  private readonly detour = new Detour();
  /** A transport that was given up, and when to try it again. */
  private missed = { name: "", at: 0 };
  /** Failures in a row, for the backoff, and how many of them were the transport's fault. */
  private failures = 0;
  private blamed = 0;
  /** The last attempt brought nothing. If the list of transports can be read, that is the transport's fault. */
  private suspect = false;

  constructor(private readonly o: LadderOptions) {}

  /** Climbs until the signal aborts, use resolves or the server refuses. If there is a cause, it begins with that failure. */
  async climb(signal: AbortSignal, cause?: unknown): Promise<void> {
    let err = cause;
    if (cause === undefined) {
      this.failures = 0;
      this.wait();
    }
    while (!signal.aborted) {
      try {
        if (err !== undefined) {
          const pause = this.failed(err);
          err = undefined;
          if (pause === null) return;
          await sleep(pause, signal);
        }
        if (await this.attempt(signal)) return;
      } catch (failure) {
        err = failure;
      }
    }
  }

  private stand(standing: Standing): void {
    this.standing = standing;
    this.o.changed();
  }

  /** Tells that there is no connection yet, or no more. */
  private wait(): void {
    this.stand(this.worked ? "reconnecting" : "connecting");
  }

  /** Uses one transport until it fails. Returns true if there is nothing more to do. */
  private async attempt(signal: AbortSignal): Promise<boolean> {
    const limit = this.o.times().firstUpdateMs ?? 5000;
    const { life, unlink } = linked(signal);
    const stop = (): void => life.abort();
    let watchdog = setTimeout(stop, limit);
    let back = 0;
    let done = false;
    this.tried = false;
    this.began = 0;
    try {
      const offer = await this.offer(life.signal);
      const away = this.detour.now() !== "";
      const missing = this.misses && this.missed.name !== offer.name;
      if (away || missing) {
        back = setTimeout(() => {
          done = true;
          if (away) this.detour.end();
          else this.missed.at = 0;
          stop();
        }, away ? this.detour.left() : this.missed.at - Date.now());
      }
      this.tried = true;
      clearTimeout(watchdog); // a slow list is not the transport's fault
      watchdog = setTimeout(stop, limit);
      await this.o.use(offer, {
        signal: life.signal,
        away,
        patient: () => clearTimeout(watchdog),
        heard: () => {
          if (this.began || life.signal.aborted) return;
          this.began = Date.now();
          clearTimeout(watchdog);
          this.worked = away ? this.current : offer.name;
          if (this.missed.name === offer.name) this.missed.name = "";
          if (!away) this.o.works(offer.name);
          this.stand("live");
        },
      });
      return true;
    } catch (err) {
      if (!done) throw err;
      return false;
    } finally {
      clearTimeout(watchdog);
      clearTimeout(back);
      unlink();
      stop();
    }
  }

  /** Returns how long to wait before the next attempt, or null if there must be none. */
  private failed(err: unknown): number | null {
    if (err instanceof Moved) {
      if (this.detour.begin(err, this.knows(err.transport))) return 0;
      err = new Refused(503, err.retryMs, true);
    }
    const { status, retryAfter: later, own } = err instanceof Refused ? err : new Refused(0, 0);
    const denied = denial(err);
    // Only the server's own answer to the list ends the page: a proxy may refuse while the server restarts.
    if (denied && own && !this.tried) {
      this.o.refused(denied);
      return null;
    }
    const pause = err instanceof Ended ? err.pause : 0;
    if (this.began && Date.now() - this.began > settledMs) {
      this.failures = this.blamed = 0;
      if (err instanceof Ended) return pause;
    }
    this.failures++;
    this.wait();
    if (this.detour.now()) {
      if (denied) this.known = null; // the list tells whether it is the channel
      if (status !== 429 && !(status === 503 && own)) this.detour.end(); // it does not work here
    } else if (this.tried && status !== 429 && status !== 503) {
      // The list of transports tells whether the cause is the channel, the server or the reader's permission.
      if (denied || !(this.began || status)) this.suspect = true;
      else this.blame(status === 0);
      // Before any transport has worked, each is tried once without a pause.
      if (!this.worked && this.failures < (this.known?.length ?? 0)) return 0;
    }
    const backoff = Math.min((this.o.times().backoffMs ?? 500) * 2 ** Math.min(this.failures - 1, 10), longestBackoff);
    return Math.max(backoff * (0.5 + Math.random()), pause, later * (1 + Math.random() / 4));
  }

  /** A transport was given up, and will be tried again. */
  get misses(): boolean {
    return this.missed.name !== "";
  }

  private knows(name: string): boolean {
    return name !== this.current && name in this.o.transports && (this.known?.some((t) => t.name === name) ?? true);
  }

  /** Counts a failure of the transport in use. After too many, the next transport is used. passing: it may work later. */
  private blame(passing: boolean): void {
    this.suspect = false;
    if (++this.blamed < (this.worked === this.current ? patience : 1) || !this.known) return;
    if (passing && this.o.again(this.current)) {
      this.missed = { name: this.current, at: Date.now() + hubAgainMs * (1 + Math.random() / 4) };
    }
    const next = this.known[(this.known.findIndex((t) => t.name === this.current) + 1) % this.known.length];
    this.current = next?.name ?? "";
    this.blamed = 0;
  }

  private async offer(signal: AbortSignal): Promise<Offer> {
    if (!this.known || this.suspect) {
      this.known = await this.o.offers(signal);
      if (this.suspect) this.blame(true);
    }
    if (this.misses && Date.now() >= this.missed.at) {
      this.current = this.missed.name;
      this.missed.name = "";
      this.blamed = 0;
    }
    const away = this.detour.now();
    const named = (name: string): Offer | undefined => this.known?.find((t) => t.name === name);
    const offer = named(away) ?? named(this.current) ?? this.known[0];
    if (!offer) throw new Error("no transport");
    if (offer.name !== away) {
      this.detour.end();
      this.current = offer.name;
    }
    return offer;
  }
}
