import type { Status } from "./connection";
import type { Times } from "./ladder";
import { Leader, type Wants } from "./leader";
import { Lists } from "./lists";
import { listOf, serverOf } from "./server";
import { watchPolicy } from "./surroundings";
import { Tabs } from "./tabs";
import { denial, type Transport } from "./transports/transport";
import { isObject, isUpdate, type Update } from "./update";

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

/** Updates that do not fit are asked for again after so long, and up to twice as much longer. */
const againMs = 500;

const groups = new Set<Group>();

/** Returns the group with members that has this name and these transports, if there is one. */
export function groupNamed(name: string, transports: Readonly<Record<string, Transport>>): Group | undefined {
  const all = Object.entries(transports);
  return [...groups].find(
    (g) => g.name === name && all.length === Object.keys(g.transports).length && all.every(([key, t]) => g.transports[key] === t),
  );
}

/** Returns the name of what shares connections: a server, and what else must be the same. A list elsewhere is alone. */
export function nameOf(list: URL, channel: string, shareAs = ""): string {
  const of = /\/channels\/([^/]+)\/transports$/.exec(list.pathname)?.[1];
  const usual = of !== undefined && decodeURIComponent(of) === channel && !list.search;
  return `motacilla 2 ${usual ? serverOf(list) : list}${shareAs && ` ${shareAs}`}`;
}

/** All in this page that show channels of one server. With those of other pages they share the connections of one leader. */
export class Group {
  private readonly members = new Set<Member>();
  private readonly lists: Lists;
  private readonly leader: Leader;
  private tabs: Tabs | null = null;
  private life = new AbortController();
  /** The channels whose cursors the leader must be told. */
  private readonly asking = new Set<string>();
  private later = 0;
  private settling = false;
  private telling = false;

  constructor(readonly name: string, readonly transports: Readonly<Record<string, Transport>>) {
    this.lists = new Lists(transports);
    this.leader = new Leader({
      lists: this.lists,
      transports,
      times: () => this.first?.times ?? {},
      listOf: (channel) => this.listOf(channel),
      pass: (channel, update, since) => {
        const heartbeat = update.from === update.revision && !update.reset;
        if (!heartbeat) this.tabs?.tell({ channel, update, since });
        this.hand(channel, update, since);
      },
      changed: () => this.told(),
      refused: (channel, status) => {
        this.tabs?.tell({ refused: channel });
        this.end(channel, status);
      },
    });
  }

  join(member: Member): void {
    groups.add(this);
    this.members.add(member);
    this.asking.add(member.channel);
    this.settle();
  }

  leave(member: Member): void {
    this.members.delete(member);
    this.settle();
  }

  private get first(): Member | undefined {
    return [...this.members][0];
  }

  private listOf(channel: string): URL {
    const own = [...this.members].find((m) => m.channel === channel) ?? this.first;
    if (!own) throw new Error("the group has no members");
    return own.channel === channel ? own.list : listOf(serverOf(own.list), channel);
  }

  /** Tells the leader what this page wants, once for all that changes together. */
  private settle(): void {
    if (this.settling) return;
    this.settling = true;
    queueMicrotask(() => {
      this.settling = false;
      if (this.members.size === 0) this.close();
      else if (this.tabs) this.want();
      else this.open();
    });
  }

  private open(): void {
    const { signal } = (this.life = new AbortController());
    watchPolicy(signal, (event) => this.lists.violated(event) && this.told());
    this.tabs = new Tabs({
      name: this.name,
      signal,
      lead: (role) => this.leader.lead(this.wants(true), role),
      follow: () => this.want(true),
      beat: () => this.beat(),
      told: (message) => this.hear(message),
      asked: (page, message) => {
        if (isObject(message.wants)) this.leader.want(page, wantsIn(message.wants));
        this.beat();
      },
      gone: (page) => this.leader.forget(page),
    });
    for (const member of [...this.members]) this.tell(member, "connecting");
    this.tabs.start();
  }

  private close(): void {
    groups.delete(this);
    this.life.abort();
    this.tabs = null;
    this.asking.clear();
    clearTimeout(this.later);
    this.later = 0;
  }

  /** Returns the channels that this page shows, with the oldest cursor of each or, if it need not be told, null. */
  private wants(all = false): Wants {
    const wants = new Map<string, number | null>();
    for (const { channel, cursor } of this.members) {
      const before = wants.get(channel) ?? Infinity;
      wants.set(channel, all || this.asking.has(channel) ? Math.min(before, cursor()) : null);
    }
    this.asking.clear();
    return wants;
  }

  private want(all = false): void {
    const wants = this.wants(all);
    if (this.tabs?.leads) {
      this.leader.want("", wants);
      this.told();
    } else this.tabs?.ask({ wants: Object.fromEntries(wants) });
  }

  /** Asks for what is missing of a channel, after a pause. */
  private lacks(channel: string): void {
    this.asking.add(channel);
    this.later ||= setTimeout(() => {
      this.later = 0;
      this.want();
    }, againMs * (1 + 2 * Math.random()));
  }

  /** Hands an update to all members that show the channel. */
  private hand(channel: string, update: Update, since?: number): void {
    for (const member of [...this.members]) {
      if (member.channel !== channel) continue;
      const cursor = member.cursor();
      const asked = since === cursor || (since !== undefined && since > update.revision && cursor > update.revision);
      // A reset that answers an older cursor would take away the older posts that this member has loaded.
      const unfit = update.reset && since !== undefined && !asked && cursor > 0 && cursor < update.revision;
      if (unfit || member.deliver(update, asked)) this.lacks(channel);
    }
  }

  /** Tells the members and the other pages how the channels stand, while this page leads. */
  private told(): void {
    if (this.telling) return;
    this.telling = true;
    queueMicrotask(() => {
      this.telling = false;
      if (!this.tabs?.leads) return;
      for (const member of [...this.members]) this.tell(member, this.standing(member.channel));
      this.beat();
    });
  }

  private standing(channel: string): Status {
    const { standing, lanes } = this.leader;
    const status = lanes.get(channel)?.standing(standing) ?? "connecting";
    return status === "connecting" && this.lists.blocked ? "blocked" : status;
  }

  private tell(member: Member, status: Status): void {
    if (this.members.has(member)) member.tell(status);
  }

  private beat(): void {
    const { transport, lanes } = this.leader;
    const list = [...lanes].map(([channel, { position }]) => [channel, this.standing(channel), position]);
    this.tabs?.tell({ transport, lanes: list });
  }

  /** Takes what the leading page says. */
  private hear({ channel, update, since, transport, lanes, refused }: Record<string, unknown>): void {
    if (typeof channel === "string" && isUpdate(update)) {
      this.hand(channel, update, typeof since === "number" ? since : undefined);
    }
    if (typeof transport === "string") this.leader.adopt(transport);
    if (Array.isArray(lanes)) this.hearLanes(lanes);
    if (typeof refused === "string") void this.check(refused);
  }

  private hearLanes(list: unknown[]): void {
    const lanes = new Map(list.filter(isLane).map(([channel, ...rest]) => [channel, rest]));
    for (const member of [...this.members]) {
      const [status, position] = lanes.get(member.channel) ?? ["connecting" as const, Infinity];
      this.tell(member, status);
      if (member.cursor() < position) this.lacks(member.channel);
    }
  }

  /** Asks the server itself whether it refuses a channel, as another page says. */
  private async check(channel: string): Promise<void> {
    if (![...this.members].some((m) => m.channel === channel)) return;
    try {
      await this.lists.read(this.listOf(channel), this.life.signal);
    } catch (err) {
      const status = denial(err, true);
      if (status) return this.end(channel, status);
    }
    if (!this.life.signal.aborted) this.lacks(channel);
  }

  private end(channel: string, status: "gone" | "refused"): void {
    for (const member of [...this.members]) if (member.channel === channel) member.end(status);
  }
}

const statuses: readonly unknown[] = ["connecting", "live", "reconnecting", "blocked"];

function isLane(value: unknown): value is [string, Status, number] {
  return Array.isArray(value) && typeof value[0] === "string" && statuses.includes(value[1]) && Number.isSafeInteger(value[2]);
}

function wantsIn(said: Record<string, unknown>): Wants {
  const valid = (cursor: unknown): boolean => cursor === null || (Number.isSafeInteger(cursor) && (cursor as number) >= 0);
  return new Map(Object.entries(said).filter(([channel, cursor]) => channel && valid(cursor)) as [string, number | null][]);
}
