import { signal, type ReadonlySignal } from "@preact/signals";
import type { Bus } from "./bus";
import { filesOf, type Entry } from "./change";
import { isFull, type Db, type StoreName, type Tx } from "./db";

const names: StoreName[] = ["entries", "kept"];

/** The entries of the outbox: those in the database, and those of this tab for which there is no room there. */
export class Entries {
  private readonly list = signal<Entry[]>([]);
  private readonly memory = new Map<string, Entry>();
  private loading: Promise<void> | null = null;
  private stale = false;

  constructor(
    private readonly db: Db,
    private readonly bus: Bus,
  ) {
    bus.on((m) => {
      if (m.kind === "entries") void this.load();
    });
    db.onMoved(() => void this.load());
  }

  /** In the order of the outbox. */
  get all(): ReadonlySignal<Entry[]> {
    return this.list;
  }

  find(key: string): Entry | undefined {
    return this.list.peek().find((e) => e.key === key);
  }

  /** Whether only this tab has the entry. */
  isMine(key: string): boolean {
    return this.memory.has(key);
  }

  /** Returns the files of the entries that only this tab has. */
  files(): string[] {
    return [...this.memory.values()].flatMap((e) => filesOf(e.change));
  }

  /** Adds an entry at the end, and removes the text of a composer that it was made from. Both are on the disk when it resolves. */
  async add(entry: Omit<Entry, "seq" | "kept">, from?: string): Promise<Entry> {
    const last = (all: Entry[]): number => all.reduce((most, e) => Math.max(most, e.seq), 0);
    try {
      const added = await this.db.change(names, async (tx) => {
        const seq = last(await tx.all<Entry>("entries")) + 1;
        const kept = this.db.trouble.peek() === "";
        const one: Entry = { ...entry, seq, kept };
        await tx.put("entries", one);
        if (from) await tx.remove("kept", from);
        return one;
      });
      await this.changed();
      return added;
    } catch (err) {
      if (!isFull(err)) throw err;
      const one: Entry = { ...entry, seq: last(this.list.peek()) + 1, kept: false };
      this.memory.set(one.key, one);
      await this.changed();
      return one;
    }
  }

  /**
   * Changes an entry. edit returns what it is to be, null to remove it, or undefined to leave it as it is; it may run more than once.
   * more, which runs in the same transaction, may change the other entries. Resolves with what edit returned; undefined too if there is
   * no such entry.
   */
  async update(
    key: string,
    edit: (e: Entry) => Entry | null | undefined,
    more?: (others: Entry[]) => Entry[],
  ): Promise<Entry | null | undefined> {
    const held = this.memory.get(key);
    if (held) {
      const next = edit(structuredClone(held));
      if (next) this.memory.set(key, next);
      else if (next === null) {
        await this.db.change(["entries"], (tx) => tx.remove("entries", key)); // the disk may have an earlier state of it
        this.memory.delete(key);
      }
      if (next !== undefined) await this.changed();
      return next;
    }
    const work = async (tx: Tx): Promise<Entry | null | undefined> => {
      const e = await tx.get<Entry>("entries", key);
      const next = e && edit(e);
      if (next === undefined) return undefined;
      if (next === null) await tx.remove("entries", key);
      else await tx.put("entries", next);
      if (more) for (const other of more(await tx.all<Entry>("entries"))) await tx.put("entries", other);
      return next;
    };
    try {
      const next = await this.db.change(["entries"], work);
      if (next !== undefined) await this.changed();
      return next;
    } catch (err) {
      const e = isFull(err) && (await this.db.read(["entries"], (tx) => tx.get<Entry>("entries", key)));
      if (!e) throw err;
      this.memory.set(key, e); // its earlier state stays on the disk; it is sent all the same, which makes room
      return this.update(key, edit, more);
    }
  }

  /** Puts back an entry that was removed, as it was. */
  async putBack(entry: Entry): Promise<void> {
    try {
      const one: Entry = { ...entry, kept: this.db.trouble.peek() === "" };
      await this.db.change(["entries"], (tx) => tx.put("entries", one));
    } catch (err) {
      if (!isFull(err)) throw err;
      this.memory.set(entry.key, { ...entry, kept: false });
    }
    await this.changed();
  }

  /** Reads all again. Two calls at a time read once more, at most. */
  async load(): Promise<void> {
    this.stale = true;
    await (this.loading ??= this.read().finally(() => (this.loading = null)));
  }

  /** Tries to bring to the disk what had no room there. */
  async settleDown(): Promise<void> {
    for (const e of [...this.memory.values()]) {
      try {
        await this.db.change(["entries"], (tx) => tx.put("entries", { ...e, kept: true }));
        this.memory.delete(e.key);
        await this.changed();
      } catch (err) {
        if (!isFull(err)) throw err;
        return;
      }
    }
  }

  private async changed(): Promise<void> {
    await this.load();
    this.bus.tell({ kind: "entries" });
  }

  private async read(): Promise<void> {
    while (this.stale) {
      this.stale = false;
      const stored = await this.db.read(["entries"], (tx) => tx.all<Entry>("entries"));
      const older = stored.filter((e) => !this.memory.has(e.key));
      this.list.value = [...older, ...this.memory.values()].sort((a, b) => a.seq - b.seq);
    }
  }
}
