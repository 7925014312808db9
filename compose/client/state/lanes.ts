import { follow, newestOf, remainder } from "./afterwards";
import type { Api } from "./api";
import { filesOf, targetOf, type Entry, type Settled } from "./change";
import { deliver, type Outcome } from "./deliver";
import type { Entries } from "./entries";
import type { FileStore } from "./files";
import type { Me } from "./me";
import { failureOf, type Failure } from "./problem";
import { backoffMs, Wake } from "./wake";

export interface LanesOptions {
  api: Api;
  me: Me;
  stored: Entries;
  files: FileStore;
  /** Whether this tab sends what is on the disk. What only its memory has it sends in any case. */
  leads(): boolean;
  settled(s: Settled): void;
}

/** After so many answers 500, which say that the server has a defect, an entry does not hold up those behind it. */
const defects = 3;
const accountMs = 2000;
const outMs = 5000;

/** Sends the entries of the outbox: those of each channel one after the other, different channels at the same time. */
export class Lanes {
  private readonly running = new Set<string>();
  private readonly waker = new Wake();
  /** How often each entry failed in a row, and when it may be tried again if the server has said so. */
  private readonly failures = new Map<string, { n: number; defects: number; until: number }>();
  private signal: AbortSignal = AbortSignal.abort();

  constructor(private readonly o: LanesOptions) {}

  /** Begins to send, until the signal aborts. */
  start(signal: AbortSignal): void {
    this.signal = signal;
    this.look();
  }

  /** Looks for what can be sent. Call it whenever the entries change. */
  look(): void {
    if (this.signal.aborted) return;
    for (const key of this.failures.keys()) if (!this.o.stored.find(key)) this.failures.delete(key);
    for (const { change } of this.o.stored.all.peek()) void this.lane(change.channel);
  }

  /** Has everything that waits be tried at once. */
  kick(): void {
    this.waker.wake();
    this.look();
  }

  private async lane(channel: string): Promise<void> {
    if (this.running.has(channel)) return;
    this.running.add(channel);
    const { signal } = this;
    try {
      for (let e = this.next(channel); e && !signal.aborted; e = this.next(channel)) {
        const wait = await this.attempt(e, signal).catch(() => outMs); // the database has failed
        if (wait) await this.waker.wait(wait, signal);
      }
    } finally {
      this.running.delete(channel);
    }
    this.later(channel);
  }

  /** Returns the first entry of a channel that may be sent. */
  private next(channel: string): Entry | null {
    const { stored, me } = this.o;
    const held = new Set<string>();
    for (const e of stored.all.peek()) {
      if (e.change.channel !== channel || !(stored.isMine(e.key) || this.o.leads())) continue;
      const target = targetOf(e);
      const stands = e.state === "refused" || e.state === "conflict" || e.account !== me.account.peek() || early(e);
      if (!stands && !held.has(target) && !this.aside(e)) return e;
      held.add(target);
    }
    return null;
  }

  /** Whether an entry lets those behind it pass for a while, because the server can't digest it. */
  private aside(e: Entry): boolean {
    const f = this.failures.get(e.key);
    return f !== undefined && f.defects >= defects && Date.now() < f.until;
  }

  /** Looks again when what must not be sent yet may be. */
  private later(channel: string): void {
    const now = Date.now();
    const times = this.o.stored.all.peek().flatMap((e) => {
      if (e.change.channel !== channel || e.state === "refused" || e.state === "conflict") return [];
      const until = Math.max(early(e) ? Date.parse(e.notBefore ?? "") : 0, this.failures.get(e.key)?.until ?? 0);
      return until > now ? [until] : [];
    });
    if (times.length) void this.waker.wait(Math.min(...times) - now + 1, this.signal).then(() => this.look());
  }

  /** Tries to send an entry. Returns how long to wait before the next attempt on the channel. */
  private async attempt(e: Entry, signal: AbortSignal): Promise<number> {
    const { me } = this.o;
    const pause = (this.failures.get(e.key)?.until ?? 0) - Date.now();
    if (pause > 0) return pause;
    if (!navigator.onLine) return backoffMs(9);
    await me.check(accountMs);
    const probe = me.account.peek() === "" && me.session.peek() === "out"; // only a try shows whether somebody has signed in
    if (me.session.peek() !== "in" && !probe) return outMs;
    if (me.account.peek() !== e.account || signal.aborted) return 0;
    const left = new AbortController();
    const stop = (): void => left.abort();
    signal.addEventListener("abort", stop, { once: true });
    const ended = this.o.stored.all.subscribe((all) => {
      const now = all.find(({ key }) => key === e.key);
      // The person has taken it back, or has put another change in its place while it waits for images.
      if (!now || (now.turn !== e.turn && !now.sent)) stop();
    });
    try {
      return await this.send(e, left.signal);
    } finally {
      ended();
      signal.removeEventListener("abort", stop);
    }
  }

  private async send(e: Entry, signal: AbortSignal): Promise<number> {
    const { api, files, me, stored } = this.o;
    try {
      for (const key of filesOf(e.change)) await files.ready(key, signal);
      let again = false;
      const claimed = await stored.update(e.key, (now) => {
        if (now.state !== "waiting" && now.state !== "sending") return undefined;
        again = now.sent !== undefined;
        const sent = now.sent ?? { at: new Date().toISOString(), turn: now.turn };
        return { ...now, state: "sending", sent, tries: now.tries + 1 };
      });
      if (!claimed) {
        await stored.load();
        return 0;
      }
      e = claimed;
      const note = async (noted: Entry): Promise<void> => {
        await stored.update(noted.key, (now) => (now.turn === noted.turn ? { ...now, draft: noted.draft } : undefined));
      };
      const outcome = await deliver({ api: api.as(e.account), files, note, account: e.account }, e, again, signal);
      me.found();
      this.failures.delete(e.key);
      await this.settle(e, outcome);
      return 0;
    } catch (err) {
      if (signal.aborted && !this.signal.aborted && !stored.find(e.key)) return 0;
      return this.failed(e, failureOf(err), signal);
    }
  }

  /** Notes what came of an attempt. Returns how long to wait. */
  private async failed(e: Entry, failure: Failure, signal: AbortSignal): Promise<number> {
    const { me, stored } = this.o;
    const { kind, problem, status, waitMs } = failure;
    await stored.update(e.key, (now) => {
      if (now.turn !== e.turn) return undefined; // it has been replaced meanwhile
      return { ...now, state: kind === "refused" ? "refused" : "waiting", problem };
    });
    if (kind === "refused") {
      me.found();
      this.failures.delete(e.key);
      return 0;
    }
    if (kind === "signin") {
      me.lost();
      return outMs;
    }
    if (signal.aborted) return 0;
    const before = this.failures.get(e.key) ?? { n: 0, defects: 0, until: 0 };
    const n = before.n + 1;
    const broken = status === 500 ? before.defects + 1 : 0;
    const wait = backoffMs(n, waitMs);
    const passes = broken >= defects;
    this.failures.set(e.key, { n, defects: broken, until: waitMs || passes ? Date.now() + (passes ? wait : waitMs) : 0 });
    return passes ? 0 : wait;
  }

  /** Removes an entry that succeeded, in one step with what follows from it for others. */
  private async settle(e: Entry, outcome: Outcome): Promise<void> {
    const { stored, files } = this.o;
    const done = outcome.kind === "done" ? outcome : null;
    const newest = outcome.kind === "conflict" ? newestOf(outcome) : {};
    const made = done?.post;
    let over = false;
    await stored.update(
      e.key,
      (now) => {
        over = false;
        if (!done) {
          if (now.turn !== e.turn) return undefined;
          const { problem: _, ...rest } = now;
          return { ...rest, state: "conflict", ...newest };
        }
        const rest = now.turn !== e.turn || done.stale ? remainder(now, done.post, done.draft) : null;
        over = rest === null;
        return rest;
      },
      (others) => (made ? others.flatMap((o) => follow(o, e, made)) : []),
    );
    if (!over || !done) return;
    this.o.settled({ key: e.key, change: e.change, post: done.post, draft: done.draft });
    await files.release(filesOf(e.change));
    await stored.settleDown();
  }
}

function early(e: Entry): boolean {
  return e.notBefore !== undefined && Date.parse(e.notBefore) > Date.now();
}
