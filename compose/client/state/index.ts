import { computed, effect, type ReadonlySignal } from "@preact/signals";
import { Api } from "./api";
import { Bus } from "./bus";
import { Channels } from "./channels";
import { Db, type Trouble } from "./db";
import { Drafts } from "./drafts";
import { Entries } from "./entries";
import { FileStore } from "./files";
import { Kept } from "./kept";
import { Lanes } from "./lanes";
import { Lead } from "./lead";
import { Me } from "./me";
import { Outbox } from "./outbox";
import { People } from "./people";
import { Posts } from "./posts";
import { Presence } from "./presence";
import { Readers } from "./readers";
import { Tab } from "./tab";
import { Versions } from "./versions";

export type { AddOptions } from "./outbox";
export type { Change, Entry, EntryState, Settled } from "./change";
export type { ChannelPatch } from "./channels";
export type { FileState, Files } from "./files";
export type { Keeper, Kept, Place } from "./kept";
export type { Session } from "./me";
export type { Live } from "./posts";
export * from "./types";
export { Failure } from "./problem";
export type { Channels, Drafts, FileStore, Me, Outbox, People, Posts, Presence, Readers, Trouble, Versions };

export interface StateOptions {
  /** The path below which the server is; empty if it is the whole host. */
  base: string;
  /** The names of the only transports to use for posts; all that the server offers without it. */
  only?: readonly string[];
}

/** What the desk knows, and how it changes it. It has no part in how that looks. */
export interface State {
  readonly api: Api;
  readonly me: Me;
  readonly files: FileStore;
  readonly outbox: Outbox;
  readonly kept: Kept;
  readonly channels: Channels;
  readonly people: People;
  /** Why this browser does not keep what is written beyond this page; empty if it does. */
  readonly trouble: ReadonlySignal<Trouble>;
  /** Whether something would be lost if this page was closed now. */
  readonly unsafe: ReadonlySignal<boolean>;
  /** The name of this tab, as Presence tells it. */
  readonly tab: string;
  posts(channel: string): Posts;
  drafts(channel: string): Drafts;
  presence(channel: string): Presence;
  readers(channel: string): Readers;
  versions(channel: string): Versions;
  /** Ends everything. What is in the outbox stays there. */
  close(): void;
}

/** Starts the state of a desk. The page needs one. What posts, drafts, presence and readers return must be stopped. */
export async function createState({ base, only }: StateOptions): Promise<State> {
  const life = new AbortController();
  const { signal } = life;
  const scope = base || "/";
  const name = `motacilla-desk ${scope}`;
  const tab = await Tab.begin(scope);
  const api = new Api(base);
  const bus = new Bus(name);
  const db = new Db(name);
  const me = new Me(api, bus, signal);
  const files = new FileStore(db, bus, me, base, scope, signal);
  const stored = new Entries(db, bus);
  files.heed(() => stored.files());
  const kick = (): void => {
    lanes.kick();
    files.kick();
  };
  const outbox = new Outbox(stored, files, me, tab.id, bus, kick);
  const leads = (): boolean => outbox.leads.peek() || db.trouble.peek() !== ""; // what is in memory nobody else sends
  const lanes = new Lanes({ api, me, stored, files, leads, settled: (s) => outbox.settled(s) });
  addEventListener("online", kick, { signal });
  await stored.load();
  lanes.start(signal);
  const ends = [
    effect(() => {
      if (db.trouble.value !== "") return undefined; // a tab that can't read the outbox must not keep others from sending it
      const own = new AbortController();
      new Lead({
        name,
        bus,
        signal: own.signal,
        busy: () => stored.all.peek().some((e) => e.state === "waiting" && outbox.own(e)),
        lead: (role) => {
          role.addEventListener("abort", () => outbox.setLeads(false), { once: true });
          outbox.setLeads(true);
          void stored.load().then(kick);
        },
      });
      return () => own.abort();
    }),
    effect(() => {
      void stored.all.value;
      lanes.look();
    }),
    effect(() => {
      void [me.session.value, me.account.value];
      kick();
    }),
  ];
  void me.check(0);
  files.start().catch(() => undefined);
  signal.addEventListener("abort", () => {
    ends.forEach((end) => end());
    bus.close();
    db.close();
    tab.end();
  });
  const kept = new Kept(db, files, me, tab, signal);
  return {
    api,
    me,
    files,
    outbox,
    kept,
    channels: new Channels(api),
    people: new People(api, me),
    trouble: db.trouble,
    unsafe: computed(() => kept.unsafe.value || stored.all.value.some((e) => !e.kept)),
    tab: tab.id,
    posts: (channel) => new Posts(api, channel, outbox, signal, only),
    drafts: (channel) => new Drafts(api, channel, outbox, signal),
    presence: (channel) => new Presence(api, channel, tab.id, signal),
    readers: (channel) => new Readers(api, channel, signal),
    versions: (channel) => new Versions(api, channel),
    close: () => life.abort(),
  };
}
