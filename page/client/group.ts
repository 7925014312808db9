import type { Status } from "./connection";
import { Leader, type Wants } from "./leader";
import { Lists } from "./lists";
import { Members, type Member } from "./members";
import { listOf, serverOf } from "./server";
import { watchPolicy } from "./surroundings";
import { Tabs } from "./tabs";
import { denial, type Transport } from "./transports/transport";
import { isObject, isUpdate, type Update } from "./update";

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
  const usual = (of === channel || of === encodeURIComponent(channel)) && !list.search;
  return `motacilla 2 ${usual ? serverOf(list) : list}${shareAs && ` ${shareAs}`}`;
}

/** All in this page that show channels of one server. With those of other pages they share the connections of one leader. */
export class Group {
  private readonly members = new Members();
  private readonly lists: Lists;
  private readonly leader: Leader;
  private tabs: Tabs | null = null;
  private life = new AbortController();
  private later = 0;
  private settling = false;
  private telling = false;

  constructor(readonly name: string, readonly transports: Readonly<Record<string, Transport>>) {
    this.lists = new Lists(transports);
    this.leader = new Leader({
      lists: this.lists,
      transports,
      times: () => this.members.first?.times ?? {},
      listOf: (channel) => this.listOf(channel),
      pass: (channel, update, since) => {
        const heartbeat = update.from === update.revision && !update.reset;
        if (!heartbeat) this.tabs?.tell({ channel, update, since });
        this.hand(channel, update, since);
      },
      changed: () => this.told(),
      refused: (channel, status) => {
        this.tabs?.tell({ refused: channel });
        this.members.end(channel, status);
      },
    });
  }

  join(member: Member): void {
    groups.add(this);
    this.members.add(member);
    this.settle();
  }

  leave(member: Member): void {
    this.members.remove(member);
    this.settle();
  }

  private listOf(channel: string): URL {
    const own = this.members.of(channel)[0] ?? this.members.first;
    if (!own) throw new Error("the group has no members");
    return own.channel === channel ? own.list : listOf(serverOf(own.list), channel);
  }

  /** Tells the leader what this page wants, once for all that changes together. */
  private settle(): void {
    if (this.settling) return;
    this.settling = true;
    queueMicrotask(() => {
      this.settling = false;
      if (!this.members.first) this.close();
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
      lead: (role) => this.leader.lead(this.members.wants(true), role),
      follow: () => this.want(true),
      beat: () => this.beat(),
      told: (message) => this.hear(message),
      asked: (page, message) => {
        if (isObject(message.wants)) this.leader.want(page, wantsIn(message.wants));
        this.beat();
      },
      gone: (page) => this.leader.forget(page),
    });
    this.tabs.start();
  }

  private close(): void {
    groups.delete(this);
    this.life.abort();
    this.tabs = null;
    clearTimeout(this.later);
    this.later = 0;
  }

  private want(all = false): void {
    const wants = this.members.wants(all);
    if (this.tabs?.leads) {
      this.leader.want("", wants);
      this.told();
    } else this.tabs?.ask({ wants: Object.fromEntries(wants) });
  }

  /** Asks for what is missing of a channel, after a pause. */
  private lacks(channel: string): void {
    this.members.ask(channel);
    this.later ||= setTimeout(() => {
      this.later = 0;
      this.want();
    }, againMs * (1 + 2 * Math.random()));
  }

  private hand(channel: string, update: Update, since?: number): void {
    if (this.members.hand(channel, update, since)) this.lacks(channel);
  }

  /** Tells the members and the other pages how the channels stand, while this page leads. */
  private told(): void {
    if (this.telling) return;
    this.telling = true;
    queueMicrotask(() => {
      this.telling = false;
      if (!this.tabs?.leads) return;
      this.members.tell(({ channel }) => this.standing(channel));
      this.beat();
    });
  }

  private standing(channel: string): Status {
    const { standing, lanes } = this.leader;
    const status = lanes.get(channel)?.standing(standing) ?? "connecting";
    return status === "connecting" && this.lists.blocked ? "blocked" : status;
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
    this.members.tell(({ channel, cursor }) => {
      const [status, position] = lanes.get(channel) ?? ["connecting" as const, Infinity];
      if (cursor() < position) this.lacks(channel);
      return status;
    });
  }

  /** Asks the server itself whether it refuses a channel, as another page says. */
  private async check(channel: string): Promise<void> {
    if (!this.members.of(channel).length) return;
    try {
      await this.lists.read(this.listOf(channel), this.life.signal);
    } catch (err) {
      const status = denial(err, true);
      if (status) return this.members.end(channel, status);
    }
    if (!this.life.signal.aborted) this.lacks(channel);
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
