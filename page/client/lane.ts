import { Ladder, type Standing, type Times } from "./ladder";
import type { Offer } from "./lists";
import { resolve, serverOf } from "./server";
import { isHub } from "./transports/hub";
import { linked, type Transport } from "./transports/transport";
import type { Update } from "./update";

export interface LaneOptions {
  /** The channel's list of transports. */
  list: URL;
  transports: Readonly<Record<string, Transport>>;
  times(): Times;
  offers(signal: AbortSignal): Promise<Offer[]>;
  /** Hands an update to all who show the channel. since is the cursor that it answers, if it answers one. */
  pass(update: Update, since?: number): void;
  /** Is called when the standing may have changed. */
  changed(): void;
  /** Is called when the server says that the channel is not there, or not for this reader. */
  refused(status: "gone" | "refused"): void;
  /** Whether the lane, which has a connection of its own, is to go back to the common one instead of using an offer. */
  returns(offer: Offer): boolean;
  /** Is called when it goes back. */
  returned(): void;
  works(transport: string): void;
}

/**
 * A channel that the leading page follows, for all who show it. It rides on the common connection. While there is none, or if that
 * one refuses the channel, the lane has a connection of its own and a ladder to choose it by.
 */
export class Lane {
  /** The common connection is to carry the channel. */
  rides = true;
  /** Its cursor has to be sent over the common connection. */
  unsent = true;
  /** The common connection follows the channel. */
  private followed = false;
  /** The common connection has yet to begin at the position. Until then its updates say nothing about the position. */
  private pending = true;
  private readonly ladder: Ladder;
  private way: AbortController | null = null;
  private session: AbortController | null = null;

  constructor(readonly channel: string, private at: number, private readonly o: LaneOptions) {
    const again = (name: string): boolean => isHub(o.transports[name]);
    this.ladder = new Ladder({ ...o, again, use: (offer, attempt) => this.use(offer, attempt.signal, attempt.away, attempt.heard) });
  }

  /** The revision that the lane has reached. */
  get position(): number {
    return this.at;
  }

  /** Returns how the channel stands if the common connection stands so. */
  standing(common: Standing): Standing {
    if (this.way) return this.ladder.standing;
    return common === "live" && !this.followed ? "connecting" : common;
  }

  /** The transport that the lane alone uses, or tries. It may be empty. */
  get uses(): string {
    return this.way ? this.ladder.current : "";
  }

  /** The lane has given up a hub, and will try it again. */
  get missesHub(): boolean {
    return this.ladder.misses;
  }

  /** Goes back to an older cursor, because somebody who shows the channel has not got further. */
  ask(cursor: number): void {
    if (cursor >= this.at) return;
    this.at = cursor;
    this.unsent = this.pending = true;
    this.session?.abort();
  }

  /** Begins anew at its position on the common connection. */
  renew(): void {
    this.unsent = this.pending = true;
  }

  /** Returns the cursor to send over the common connection. */
  send(): number {
    this.unsent = false;
    return this.at;
  }

  /** The common connection has begun with the lane's cursor. */
  subscribed(): void {
    this.pending = this.unsent;
    this.followed = true;
    this.ladder.began = Date.now();
    this.o.changed();
  }

  /** The common connection has begun anew, and does not follow the channel yet. */
  unfollowed(): void {
    this.followed = false;
  }

  /** Takes an update from the common connection. Returns true if it does not fit. */
  carried(update: Update, since?: number): boolean {
    const again = !this.pending && this.move(update, since !== undefined);
    this.o.pass(update, since);
    return again;
  }

  /** The common connection does not carry the channel. */
  refused(err: unknown, transport: string): void {
    this.rides = this.followed = false;
    this.ladder.current = transport;
    this.ladder.tried = true; // so the list has to say whether it is the channel
    this.go(err);
  }

  /** Has a connection of its own from now on, which begins with a transport that may have worked before. */
  alone(transport: string, worked: boolean): void {
    if (this.way) return;
    this.ladder.current = transport;
    if (worked) this.ladder.worked = transport;
    this.go();
  }

  /** Gives up its own connection. */
  stop(): void {
    this.way?.abort();
    this.way = null;
  }

  private go(cause?: unknown): void {
    this.stop();
    const way = (this.way = new AbortController());
    void this.ladder.climb(way.signal, cause).then(() => {
      if (way !== this.way) return;
      this.way = null;
      this.rides = true;
      this.renew();
      this.o.returned();
    });
  }

  /** Uses a transport for this channel alone. */
  private async use(offer: Offer, signal: AbortSignal, away: boolean, heard: () => void): Promise<void> {
    const { list, transports, times } = this.o;
    if (!away && this.o.returns(offer)) return;
    const transport = transports[offer.name];
    if (!transport) throw new Error(`unknown transport ${offer.name}`);
    for (;;) {
      const { life, unlink } = linked(signal);
      this.session = life;
      let since = this.at;
      try {
        return await transport({
          url: resolve(offer.url, serverOf(list), list),
          signal: life.signal,
          silenceMs: times().silenceMs ?? 45_000,
          server: serverOf(list),
          cursor: () => (since = this.at),
          deliver: (update, asked, works = true) => {
            if (life.signal.aborted) return false;
            if (works) heard();
            const again = this.move(update, asked);
            this.o.pass(update, asked ? since : undefined);
            return again;
          },
        });
      } catch (err) {
        // It was ended to begin anew at an older cursor.
        if (signal.aborted || !life.signal.aborted) throw err;
      } finally {
        unlink();
      }
    }
  }

  /** Moves the position as an update says, by the rules of View. Returns true if the update does not fit. */
  private move(u: Update, asked: boolean): boolean {
    if (u.reset) {
      if (!asked && u.revision <= this.at) return u.revision < this.at;
    } else {
      if (u.revision <= this.at) return false;
      if (u.from > this.at) return true;
    }
    this.at = u.revision;
    return false;
  }
}
