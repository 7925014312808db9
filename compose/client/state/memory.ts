import type { StoreName, Tx } from "./db";

type Records = [StoreName, { key: string }][];

/** What run rejects with after everything was handed over. */
export const handedOver = new Error("the records are elsewhere now");

/** Records in the memory of this tab, with transactions as a database has them: one after the other, all or nothing. */
export class Memory {
  private held = new Map<string, { store: StoreName; record: { key: string } }>();
  private turn: Promise<unknown> = Promise.resolve();
  private over = false;

  run<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.next(async () => {
      if (this.over) throw handedOver;
      const before = new Map(this.held);
      try {
        return await work(this.tx());
      } catch (err) {
        this.held = before;
        throw err;
      }
    });
  }

  /** Hands over everything, for good if take succeeds. Nothing else runs meanwhile. */
  handOver(take: (records: Records) => Promise<void>): Promise<void> {
    return this.next(async () => {
      await take([...this.held.values()].map(({ store, record }) => [store, record]));
      this.held.clear();
      this.over = true;
    });
  }

  private next<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(work);
    this.turn = mine.catch(() => undefined);
    return mine;
  }

  private tx(): Tx {
    const id = (store: StoreName, key: string): string => `${store} ${key}`;
    return {
      get: async <T>(store: StoreName, key: string) => structuredClone(this.held.get(id(store, key))?.record) as T | undefined,
      all: async <T>(store: StoreName) =>
        structuredClone([...this.held.values()].filter((r) => r.store === store).map((r) => r.record)) as T[],
      put: async (store, record) => void this.held.set(id(store, record.key), { store, record: structuredClone(record) }),
      remove: async (store, key) => void this.held.delete(id(store, key)),
    };
  }
}
