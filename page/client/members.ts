import type { Status } from "./connection";
import type { Times } from "./ladder";
import type { Wants } from "./leader";
import type { Update } from "./update";

/** Shows a channel in this page. */
export interface Member {
  readonly channel: string;
  readonly list: URL;
  readonly times: Times;
  cursor(): number;
  /** Takes an update. asked is true if it answers the cursor. Returns true if it does not fit. */
  deliver(update: Update, asked: boolean): boolean;
  tell(status: Status): void;
  /** The channel is not there, or not for this reader. */
  end(status: "gone" | "refused"): void;
}

/** All in this page that show channels of one server. Several may show the same one. */
export class Members {
  private readonly all = new Set<Member>();
  /** The channels whose cursors the leader must be told. */
  private readonly asking = new Set<string>();

  add(member: Member): void {
    this.all.add(member);
    this.asking.add(member.channel);
  }

  remove(member: Member): void {
    this.all.delete(member);
  }

  get first(): Member | undefined {
    return [...this.all][0];
  }

  of(channel: string): Member[] {
    return [...this.all].filter((m) => m.channel === channel);
  }

  /** Has the leader be told the cursors of a channel. */
  ask(channel: string): void {
    this.asking.add(channel);
  }

  /** Returns the channels that are shown, with the oldest cursor of each or, if it need not be told, null. */
  wants(all: boolean): Wants {
    const wants = new Map<string, number | null>();
    for (const { channel, cursor } of this.all) {
      const before = wants.get(channel) ?? Infinity;
      wants.set(channel, all || this.asking.has(channel) ? Math.min(before, cursor()) : null);
    }
    this.asking.clear();
    return wants;
  }

  /** Tells each how its channel stands. */
  tell(standing: (member: Member) => Status): void {
    for (const member of [...this.all]) if (this.all.has(member)) member.tell(standing(member));
  }

  end(channel: string, status: "gone" | "refused"): void {
    for (const member of this.of(channel)) member.end(status);
  }

  /** Hands an update to all that show the channel. Returns true if one of them lacks something before it. */
  hand(channel: string, update: Update, since?: number): boolean {
    const lacking = this.of(channel).filter((member) => {
      const cursor = member.cursor();
      // A reset that ends before the cursor that it answers is for all who are past its end: the store has begun anew.
      const asked = since === cursor || (since !== undefined && since > update.revision && cursor > update.revision);
      // A reset that answers an older cursor would take away the older posts that this member has loaded.
      const unfit = update.reset && since !== undefined && !asked && cursor > 0 && cursor < update.revision;
      return unfit || member.deliver(update, asked);
    });
    return lacking.length > 0;
  }
}
