import { openDB, type IDBPDatabase, type IDBPTransaction } from "idb";
import { signal, type ReadonlySignal } from "@preact/signals";
import { handedOver, Memory } from "./memory";

export const stores = ["entries", "files", "kept"] as const;
export type StoreName = (typeof stores)[number];

/** What a transaction can do. Records have a text `key`. */
export interface Tx {
  get<T>(store: StoreName, key: string): Promise<T | undefined>;
  all<T>(store: StoreName): Promise<T[]>;
  put<T extends { key: string }>(store: StoreName, record: T): Promise<void>;
  remove(store: StoreName, key: string): Promise<void>;
}

/**
 * Why the browser does not keep what is written.
 *
 * - absent: there is no IndexedDB, or it is forbidden, as in some private windows.
 * - newer: another tab has loaded a newer version of this program. Reload the page.
 * - slow: IndexedDB does not answer yet.
 */
export type Trouble = "" | "absent" | "newer" | "slow";

const version = 1;
const slowMs = 15_000;

/**
 * The browser's database. If it can't be used, everything is kept in the memory of this tab, and trouble says so. If it can be used
 * later, what is in memory is moved there.
 */
export class Db {
  private readonly now = signal<Trouble>("");
  private readonly memory = new Memory();
  private handle: Promise<IDBPDatabase | null> | null = null;
  private readonly moved = new Set<() => void>();

  constructor(private readonly name: string) {}

  get trouble(): ReadonlySignal<Trouble> {
    return this.now;
  }

  /** Calls f when other records are there than before, because the database came late. */
  onMoved(f: () => void): void {
    this.moved.add(f);
  }

  /**
   * Runs work in one transaction, which is all or nothing. It is on the disk when the promise resolves. work may await nothing but the
   * transaction's own methods. Rejects with a QuotaExceededError if there is no room.
   */
  change<T>(names: StoreName[], work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.run(names, "readwrite", work);
  }

  read<T>(names: StoreName[], work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.run(names, "readonly", work);
  }

  close(): void {
    void this.handle?.then((db) => db?.close());
  }

  private async run<T>(names: StoreName[], mode: "readonly" | "readwrite", work: (tx: Tx) => Promise<T>): Promise<T> {
    for (let again = true; ; again = false) {
      const db = await (this.handle ??= this.open());
      if (!db) {
        try {
          return await this.memory.run(work);
        } catch (err) {
          if (err !== handedOver) throw err;
          continue;
        }
      }
      let tx: IDBPTransaction<unknown, StoreName[], typeof mode>;
      try {
        tx = db.transaction(names, mode, { durability: "strict" }) as typeof tx;
      } catch (err) {
        if (!again) throw err;
        this.handle = null; // the browser has closed the connection
        continue;
      }
      return inside(tx, work);
    }
  }

  /** Returns null if the memory is to be used. */
  private async open(): Promise<IDBPDatabase | null> {
    const opening = this.openDisk();
    const late = new Promise<"late">((resolve) => setTimeout(resolve, slowMs, "late"));
    try {
      const db = await Promise.race([opening, late]);
      if (db !== "late") {
        this.now.value = "";
        return db;
      }
      this.now.value = "slow";
      opening.then((db) => this.move(db)).catch(() => undefined);
    } catch (err) {
      this.now.value = err instanceof DOMException && err.name === "VersionError" ? "newer" : "absent";
    }
    return null;
  }

  private async openDisk(): Promise<IDBPDatabase> {
    return openDB(this.name, version, {
      upgrade: (db) => stores.forEach((name) => db.createObjectStore(name, { keyPath: "key" })),
      blocking: (_old, next, event) => {
        (event.target as IDBDatabase).close(); // a newer version of this program waits for it
        this.handle = null;
        if (next !== null) this.now.value = "newer";
      },
      terminated: () => (this.handle = null),
    });
  }

  /** Moves what is in memory to the disk. */
  private async move(db: IDBPDatabase): Promise<void> {
    await this.memory.handOver(async (records) => {
      const tx = db.transaction(stores, "readwrite", { durability: "strict" });
      await inside(tx, async (t) => {
        for (const [store, record] of records) await t.put(store, record);
      });
      this.handle = Promise.resolve(db);
      this.now.value = "";
    });
    this.moved.forEach((f) => f());
  }
}

/** Runs work, and waits until the transaction is complete. If work fails, nothing is changed. */
async function inside<T>(tx: IDBPTransaction<unknown, StoreName[], "readonly" | "readwrite">, work: (tx: Tx) => Promise<T>): Promise<T> {
  const ended = tx.done.then(
    () => null,
    (err: unknown) => ({ err: err ?? tx.error }),
  );
  const mine: Tx = {
    get: (store, key) => tx.objectStore(store).get(key),
    all: (store) => tx.objectStore(store).getAll(),
    put: async (store, record) => void (await tx.objectStore(store).put?.(record)),
    remove: async (store, key) => void (await tx.objectStore(store).delete?.(key)),
  };
  let result: T;
  try {
    result = await work(mine);
  } catch (err) {
    try {
      tx.abort();
    } catch {
      // It has ended already: the error is the transaction's own.
    }
    await ended;
    throw tx.error ?? err;
  }
  const failed = await ended;
  if (failed) throw failed.err;
  return result;
}

/** Whether there is no room on the disk. */
export function isFull(err: unknown): boolean {
  return err instanceof DOMException && err.name === "QuotaExceededError";
}
