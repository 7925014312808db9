import { hubAgainMs, Ladder, type Attempt, type Standing, type Times } from "./ladder";
import { Lane } from "./lane";
import type { Lists, Offer } from "./lists";
import { Many } from "./many";
import { remember } from "./memory";
import { resolve, serverOf } from "./server";
import { isHub } from "./transports/hub";
import { opener } from "./transports/stream";
import { denial, Moved, type Transport } from "./transports/transport";
import type { Update } from "./update";

/** More channels than that share a connection rather than have one each to a hub. */
const mostAtHub = 4;

/** The cursors of a page on the channels that it shows, or null if it is content with what the leader does. */
export type Wants = ReadonlyMap<string, number | null>;

export interface LeaderOptions {
  lists: Lists;
  transports: Readonly<Record<string, Transport>>;
  times(): Times;
  /** Returns the URL of a channel's list of transports. */
  listOf(channel: string): URL;
  /** Hands an update to all pages. since is the cursor that it answers, if it answers one. */
  pass(channel: string, update: Update, since?: number): void;
  /** Is called when a standing may have changed. */
  changed(): void;
  /** Is called when the server says that a channel is not there, or not for this reader. */
  refused(channel: string, status: "gone" | "refused"): void;
}

/**
 * Follows the channels that any page shows, for all pages: over a common connection if the transport has one, else over a connection
 * for each. It chooses the transport for all.
 */
export class Leader {
  readonly lanes = new Map<string, Lane>();
  private readonly ladder: Ladder;
  private readonly pages = new Map<string, Wants>();
  private many: Many | null = null;
  /** Lanes have connections of their own, which began with this transport. */
  private alone = "";
  private away = false;
  private giveUp: (err: Error) => void = () => undefined;

  constructor(private readonly o: LeaderOptions) {
    this.ladder = new Ladder({
      transports: o.transports,
      times: o.times,
      offers: (signal) => this.offers(signal),
      use: (offer, attempt) => this.use(offer, attempt),
      changed: o.changed,
      refused: () => undefined, // offers tells it the lane
      again: () => false, // lanes try hubs
      works: remember,
    });
  }

  /** The transport that works. */
  get transport(): string {
    return this.ladder.worked;
  }

  /** Begins with a transport that works for another page. */
  adopt(transport: string): void {
    if (Object.keys(this.o.transports).includes(transport)) this.ladder.worked = this.ladder.current = transport;
  }

  private keep(transport: string): void {
    this.adopt(transport);
    remember(transport);
  }

  /** How all stand, while this page does not know more. */
  get standing(): Standing {
    return this.ladder.standing;
  }

  /** Leads until the signal aborts, and begins with what this page wants. */
  lead(own: Wants, signal: AbortSignal): void {
    signal.addEventListener("abort", () => this.clear(), { once: true });
    this.want("", own);
    void this.ladder.climb(signal);
  }

  /** Takes what a page wants. */
  want(page: string, wants: Wants): void {
    this.pages.set(page, wants);
    for (const [channel, cursor] of wants) {
      if (cursor === null) continue;
      const lane = this.lanes.get(channel);
      if (lane) lane.ask(cursor);
      else this.add(channel, cursor);
    }
    this.many?.sync();
    this.sweep();
  }

  /** Forgets a page that has gone. */
  forget(page: string): void {
    this.pages.delete(page);
    this.sweep();
  }

  private add(channel: string, cursor: number): void {
    const { o } = this;
    const list = o.listOf(channel);
    const lane: Lane = new Lane(channel, cursor, {
      list,
      transports: o.transports,
      times: o.times,
      offers: (signal) => o.lists.read(list, signal),
      pass: (update, since) => o.pass(channel, update, since),
      changed: o.changed,
      refused: (status) => this.refuse(lane, status),
      returns: (offer) => this.returns(lane, offer),
      returned: () => (this.alone ? this.goesAlone(lane) : this.many?.sync()),
      works: (transport) => {
        if (!this.away && !this.many) this.keep(transport);
      },
    });
    this.lanes.set(channel, lane);
    if (this.alone) this.goesAlone(lane);
  }

  /** Drops the lanes that no page wants. */
  private sweep(): void {
    for (const [channel, lane] of this.lanes) {
      if ([...this.pages.values()].some((wants) => wants.has(channel))) continue;
      lane.stop();
      this.lanes.delete(channel);
      this.many?.sync(true);
    }
  }

  private refuse(lane: Lane, status: "gone" | "refused"): void {
    lane.stop();
    this.lanes.delete(lane.channel);
    this.o.refused(lane.channel, status);
  }

  /** Asks for the transports of a channel, and refuses those of which the server itself says that there are none. */
  private async offers(signal: AbortSignal): Promise<Offer[]> {
    for (const lane of this.lanes.values()) {
      try {
        return this.fitting(await this.o.lists.read(this.o.listOf(lane.channel), signal));
      } catch (err) {
        const status = denial(err, true);
        if (!status) throw err;
        this.refuse(lane, status);
      }
    }
    throw new Error("there is no channel to follow");
  }

  private isHub(name: string): boolean {
    return isHub(this.o.transports[name]);
  }

  /** Leaves out the hubs for many channels, if there is a common connection: a hub has one for each, and browsers have few. */
  private fitting(offers: Offer[]): Offer[] {
    if (this.lanes.size <= mostAtHub || !offers.some((offer) => offer.many)) return offers;
    return offers.filter(({ name }) => !this.isHub(name));
  }

  private async use(offer: Offer, attempt: Attempt): Promise<void> {
    const open = opener(this.o.transports[offer.name]);
    if (!offer.many || !open) return this.goAlone(offer, attempt);
    const [lane] = this.lanes.values();
    if (!lane) throw new Error("there is no channel to follow");
    const list = this.o.listOf(lane.channel);
    if (this.standing !== "live") for (const l of this.lanes.values()) l.unfollowed();
    for (const l of this.lanes.values()) l.renew();
    const many = (this.many = new Many({
      url: resolve(offer.many, serverOf(list), list),
      open,
      silenceMs: this.o.times().silenceMs ?? 45_000,
      signal: attempt.signal,
      lanes: this.lanes,
      heard: () => {
        attempt.heard();
        this.together();
      },
      refused: (refused, err) => {
        refused.refused(err, offer.name);
        many.sync(true);
      },
    }));
    try {
      await many.run();
    } finally {
      if (this.many === many) this.many = null; // the next lead may have begun
    }
  }

  /** Lets each lane have a connection of its own, until the common one works again. */
  private goAlone({ name }: Offer, { signal, away, patient }: Attempt): Promise<void> {
    patient();
    this.alone = name;
    this.away = away;
    const found = [...this.lanes.values()].find((lane) => lane.standing("connecting") === "live"); // while the common connection was tried
    if (found && !away) this.keep(found.uses);
    for (const lane of this.lanes.values()) this.goesAlone(lane);
    return new Promise((_, reject) => {
      this.giveUp = reject;
      signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")), { once: true });
    });
  }

  private goesAlone(lane: Lane): void {
    lane.alone(this.alone, this.ladder.worked === this.alone);
  }

  /** Ends the connections of lanes that ride on the common one again. */
  private together(): void {
    if (!this.alone) return;
    this.alone = "";
    for (const lane of this.lanes.values()) if (lane.rides) lane.stop();
  }

  private returns(lane: Lane, offer: Offer): boolean {
    if (!this.alone || !lane.rides) return true;
    if (!offer.many || !opener(this.o.transports[offer.name])) return false;
    // A hub may not have the one channel, but others. Otherwise a common connection is best until the hub works again.
    const atHub = this.isHub(this.alone);
    if (atHub && [...this.lanes.values()].some((other) => other !== lane && other.uses === this.alone)) return false;
    // Without a hub, the lane has tried all others.
    this.giveUp(atHub && lane.missesHub ? new Moved(offer.name, hubAgainMs, 0) : new Error("no other transport works"));
    throw new Error(`${offer.name} is for the common connection`);
  }

  private clear(): void {
    for (const lane of this.lanes.values()) lane.stop();
    this.lanes.clear();
    this.pages.clear();
    this.alone = "";
  }
}
