import { computed, signal, type ReadonlySignal } from "@preact/signals";
import { isFull, type Db } from "./db";
import { findLocal } from "./filerecords";
import type { FileStore } from "./files";
import type { Me } from "./me";
import { randomKey } from "./random";
import type { Tab } from "./tab";

/** What a composer is for: a new post of a channel, or a post or draft that is changed. */
export interface Place {
  channel: string;
  post?: string;
  draft?: string;
}

interface Slot {
  key: string;
  account: string;
  tab: string;
  place: string;
  changed: number;
  value: unknown;
}

const saveMs = 150;
const deadMs = 60_000;

/**
 * Keeps what is in the composers of this tab, so that it is there again after a crash. Each tab has its own. If a tab is gone, the
 * next one that opens a composer for the same place gets its text.
 */
export class Kept {
  private readonly open = signal(new Map<string, Keeper<unknown>>());
  /** Whether a text would be lost with this tab. */
  readonly unsafe: ReadonlySignal<boolean> = computed(() => [...this.open.value.values()].some((k) => k.unsafe.value));

  constructor(
    private readonly db: Db,
    private readonly files: FileStore,
    private readonly me: Me,
    private readonly tab: Tab,
    life: AbortSignal,
  ) {
    const flush = (): void => this.open.peek().forEach((k) => void k.flush());
    addEventListener("pagehide", flush, { signal: life });
    document.addEventListener("visibilitychange", flush, { signal: life });
  }

  /** Returns the keeper of a place. T is what the composer has: content, options, and what it began from. It must be plain data. */
  keeper<T>(place: Place): Keeper<T> {
    const name = placeName(place);
    let keeper = this.open.peek().get(name) as Keeper<T> | undefined;
    if (!keeper) {
      keeper = new Keeper<T>(this.db, this.files, this.me, this.tab, name);
      this.open.value = new Map(this.open.peek()).set(name, keeper as Keeper<unknown>);
    }
    return keeper;
  }

  /** Returns the places of a channel for which there is text of this account, in this tab or in one that is gone. */
  async places(channel: string): Promise<Place[]> {
    const slots = await free(this.db, this.me, this.tab);
    const names = new Set(slots.map((s) => s.place).filter((name) => (JSON.parse(name) as string[])[0] === channel));
    return [...names].map((name) => {
      const [, post, draft] = JSON.parse(name) as string[];
      return { channel, ...(post ? { post } : {}), ...(draft ? { draft } : {}) };
    });
  }
}

/** Keeps the text of one composer. */
export class Keeper<T> {
  /** Names what is kept. */
  readonly key: string;
  private next: (() => T) | null = null;
  private timer = 0;
  private writing: Promise<void> = Promise.resolve();
  /** Where the text is: nowhere, in the database, or in this tab alone, because there is no room. */
  private readonly where = signal<"" | "database" | "tab">("");
  /** Whether the text would be lost with this tab. */
  readonly unsafe = computed(() => this.where.value === "tab" || (this.where.value === "database" && this.db.trouble.value !== ""));

  constructor(
    private readonly db: Db,
    private readonly files: FileStore,
    private readonly me: Me,
    private readonly tab: Tab,
    private readonly place: string,
  ) {
    this.key = `${tab.id} ${place} ${randomKey()}`;
  }

  /**
   * Returns what was kept: this tab's own, or the newest of tabs that are gone. It is this composer's from now on. null: nothing.
   */
  async restore(): Promise<T | null> {
    const mine = (await free(this.db, this.me, this.tab)).filter((s) => s.place === this.place && s.key !== this.key);
    const rank = (s: Slot): number => (s.tab === this.tab.id ? 1 : 0);
    const best = mine.sort((a, b) => rank(b) - rank(a) || b.changed - a.changed)[0];
    if (!best) return null;
    const value = await this.db.change(["kept"], async (tx) => {
      const slot = await tx.get<Slot>("kept", best.key); // another tab may have been faster
      if (!slot) return null;
      await tx.remove("kept", slot.key);
      await tx.put("kept", { ...slot, key: this.key, tab: this.tab.id });
      return slot.value as T;
    });
    if (value !== null) this.where.value = "database";
    return value;
  }

  /** Keeps what value returns, in a moment. It is cheap, so call it after each change. */
  save(value: () => T): void {
    this.next = value;
    this.timer ||= setTimeout(() => void this.flush(), saveMs);
  }

  /** Keeps now what save was told. If that fails, the next call tries again. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = 0;
    return (this.writing = this.idle().then(() => this.write()));
  }

  /** Forgets what is kept, and images that nothing else has. */
  async clear(): Promise<void> {
    this.forget();
    await this.idle();
    const slot = await this.db.change(["kept"], async (tx) => {
      const held = await tx.get<Slot>("kept", this.key);
      await tx.remove("kept", this.key);
      return held;
    });
    const files = new Set<string>();
    findLocal(slot?.value, files);
    await this.files.release([...files]);
  }

  /** Saves nothing any more of what save was told before. */
  forget(): void {
    clearTimeout(this.timer);
    this.timer = 0;
    this.next = null;
    this.writing = this.writing.then(() => void (this.where.value = ""));
  }

  /** Waits until nothing is being written. */
  async idle(): Promise<void> {
    await this.writing.catch(() => undefined);
  }

  private async write(): Promise<void> {
    const { key, place, next } = this;
    const value = next?.();
    if (value === undefined) return;
    const slot: Slot = { key, account: this.me.account.value, tab: this.tab.id, place, changed: Date.now(), value };
    try {
      await this.db.change(["kept"], (tx) => tx.put("kept", slot));
      this.where.value = "database";
      if (this.next === next) this.next = null;
    } catch (err) {
      if (!isFull(err)) throw err;
      this.where.value = "tab";
    }
  }
}

/** Returns what no other tab that is open has. */
async function free(db: Db, me: Me, tab: Tab): Promise<Slot[]> {
  const open = await tab.open();
  const slots = await db.read(["kept"], (tx) => tx.all<Slot>("kept"));
  return slots.filter((s) => {
    if (s.account !== me.account.value) return false;
    if (s.tab === tab.id) return true;
    return open ? !open.has(s.tab) : Date.now() - s.changed > deadMs;
  });
}

function placeName({ channel, post = "", draft = "" }: Place): string {
  return JSON.stringify([channel, post, draft]);
}
