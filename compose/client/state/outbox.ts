import { signal, type ReadonlySignal } from "@preact/signals";
import type { Bus } from "./bus";
import { filesOf, type Change, type Entry, type Settled } from "./change";
import { Entries } from "./entries";
import type { FileStore } from "./files";
import type { Me } from "./me";
import { randomKey } from "./random";

export interface AddOptions {
  /** The change is not sent before this time, and can be taken back by drop until then. */
  notBefore?: Date;
  /** The composer whose text becomes this change: a Keeper. What is kept of it is removed in the same step. */
  from?: Source;
}

export interface Source {
  readonly key: string;
  forget(): void;
  idle(): Promise<void>;
}

/**
 * What a person has written and the server does not have yet.
 *
 * It is the promise that nothing written is lost, and nothing is made twice. A change is on the disk before anything is sent, and it is
 * removed only by success, or by the person. Everything in between may die at any moment:
 *
 * - before `add` resolves: the text is still the composer's (Kept). Both change in one transaction.
 * - before, during or after a request: the entry is on the disk, and is sent again with the same key and the same base. The server makes
 *   one post of a key. A change that was made already passes If-Match. What was removed already is removed.
 * - between the steps of a draft: what a step has made is written into the entry before the next one.
 * - after success, before the entry is removed: as if the answer was lost.
 * - a person replaces a change while it is being sent: `turn` tells, and what the server may have is changed by an edit.
 */
export class Outbox {
  private readonly listeners = new Set<(s: Settled) => void>();
  private readonly sends = signal(false);
  private readonly dropped = new Map<string, Entry>();

  constructor(
    readonly stored: Entries,
    private readonly files: FileStore,
    private readonly me: Me,
    private readonly tab: string,
    private readonly bus: Bus,
    private readonly kicked: () => void,
  ) {
    bus.on((m) => {
      if (m.kind === "settled") this.listeners.forEach((f) => f(m.settled));
      else if (m.kind === "kick") this.kicked();
    });
  }

  /** All entries, in the order of the outbox; also those of other accounts, which are not sent. */
  get entries(): ReadonlySignal<Entry[]> {
    return this.stored.all;
  }

  /** Whether this tab is the one that sends. */
  get leads(): ReadonlySignal<boolean> {
    return this.sends;
  }

  setLeads(yes: boolean): void {
    this.sends.value = yes;
  }

  /** Whether an entry is of the account that is signed in, so that it is sent. */
  own(e: Entry): boolean {
    return e.account === this.me.account.value;
  }

  /** The change is on the disk when it resolves, unless `kept` of the entry is false. */
  async add(change: Change, o: AddOptions = {}): Promise<Entry> {
    const entry: Omit<Entry, "seq" | "kept"> = {
      key: randomKey(),
      made: new Date().toISOString(),
      account: this.me.account.value,
      tab: this.tab,
      change,
      state: "waiting",
      tries: 0,
      turn: 0,
    };
    if (o.notBefore) entry.notBefore = o.notBefore.toISOString();
    o.from?.forget();
    await o.from?.idle();
    const added = await this.stored.add(entry, o.from?.key);
    this.kick();
    return added;
  }

  /** Sends an entry again that was refused, or is in conflict, as it is; or one that waits, at once. */
  async retry(key: string): Promise<void> {
    const next = await this.stored.update(key, (e) => {
      delete e.notBefore;
      if (e.state === "sending") return e;
      if (e.problem?.title === "unsure") delete e.sent;
      return { ...cleared(e), state: "waiting" };
    });
    if (next) filesOf(next.change).forEach((file) => this.files.state(file).peek().problem && this.files.retry(file));
    this.kick();
  }

  /** Removes an entry. Resolves with false if the server may have it already. Its images are forgotten after a while. */
  async drop(key: string): Promise<boolean> {
    await this.stored.update(key, (e) => {
      this.dropped.set(key, e);
      return null;
    });
    const e = this.dropped.get(key);
    if (e) await this.files.leave(filesOf(e.change));
    return !e?.sent;
  }

  /** Puts back what drop has removed, as it was: it is the same person's, and has the same key. */
  async putBack(key: string): Promise<void> {
    const e = this.dropped.get(key);
    if (!e) return;
    this.dropped.delete(key);
    await this.stored.putBack(e);
    this.kick();
  }

  /** Puts another change in an entry's place, which is sent in its turn. So conflicts are resolved, and refused texts mended. */
  async replace(key: string, change: Change): Promise<void> {
    let old: string[] = [];
    await this.stored.update(key, (e) => {
      old = filesOf(e.change);
      const next: Entry = { ...cleared(e), change, state: "waiting", turn: e.turn + 1 };
      delete next.notBefore;
      if (change.kind !== e.change.kind) delete next.sent; // another request: nothing of it can be there
      if (change.kind !== "draft" || e.change.kind !== "draft") delete next.draft;
      return next;
    });
    await this.files.release(old);
    this.kick();
  }

  /** Makes an entry of somebody else, or of nobody, one of the account that is signed in. */
  async adopt(key: string): Promise<void> {
    const account = this.me.account.value;
    await this.stored.update(key, (e) => ({ ...cleared(e), account, state: "waiting" }));
    this.kick();
  }

  /** Calls f for each entry that succeeds, in whichever tab. Returns a function that ends it. */
  onSettled(f: (s: Settled) => void): () => void {
    this.listeners.add(f);
    return () => this.listeners.delete(f);
  }

  /** Has all that waits be tried at once. */
  kick(): void {
    this.kicked();
    this.bus.tell({ kind: "kick" });
  }

  settled(s: Settled): void {
    this.listeners.forEach((f) => f(s));
    this.bus.tell({ kind: "settled", settled: s });
  }
}

function cleared(e: Entry): Entry {
  const { problem: _p, theirs: _t, theirDraft: _d, ...rest } = e;
  return rest;
}
