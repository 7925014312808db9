import { Refused, type UploadedImage } from "../../../page/client/npm/index";
import type { FileRecord } from "./filerecords";
import type { FileState } from "./files";
import type { Me } from "./me";
import { failureOf, judge, type Failure } from "./problem";
import { backoffMs, Wake } from "./wake";

export interface UploadsOptions {
  me: Me;
  scope: string;
  life: AbortSignal;
  get(key: string): Promise<FileRecord | undefined>;
  put(record: FileRecord): Promise<void>;
  tell(key: string, part: Partial<FileState>): void;
  send(record: FileRecord, signal: AbortSignal, onProgress: (sent: number, total: number) => void): Promise<UploadedImage>;
}

/** How many uploads this tab has under way at a time. */
const most = 2;
const silentMs = 120_000;
const againMs = 5000;

/** Uploads files until the server has them. Of the tabs of a browser, one uploads a file; if it is closed, another one goes on. */
export class Uploads {
  private readonly running = new Map<string, { done: Promise<void>; stop: AbortController }>();
  private readonly waker = new Wake();
  private readonly turns = new Wake();
  private free = most;

  constructor(private readonly o: UploadsOptions) {}

  begin(key: string): void {
    if (this.running.has(key)) return;
    const stop = new AbortController();
    const end = (): void => stop.abort();
    this.o.life.addEventListener("abort", end);
    const done = this.alone(key, stop.signal)
      .catch(() => undefined)
      .finally(() => {
        this.running.delete(key);
        this.o.life.removeEventListener("abort", end);
      });
    this.running.set(key, { done, stop });
  }

  stop(key: string): void {
    this.running.get(key)?.stop.abort();
  }

  /** Waits until this tab, or another one, has tried in earnest. */
  async ended(key: string, signal: AbortSignal): Promise<void> {
    this.begin(key);
    const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    await Promise.race([this.running.get(key)?.done, aborted]);
  }

  wake(): void {
    this.waker.wake();
  }

  /** Uploads while no other tab does. */
  private async alone(key: string, signal: AbortSignal): Promise<void> {
    const upload = (): Promise<void> => this.upload(key, signal);
    if (!navigator.locks) return upload();
    await navigator.locks.request(`motacilla-desk-file ${this.o.scope} ${key}`, { signal }, upload);
  }

  private async upload(key: string, signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      const record = await this.o.get(key);
      if (!record || record.block || record.problem || record.dropped) return;
      if (!(await this.permitted(record))) {
        this.o.tell(key, { waiting: true });
        await this.waker.wait(againMs, signal);
        continue;
      }
      const failure = await this.attempt(record, signal);
      if (!failure || signal.aborted) return;
      if (failure.kind === "signin") this.o.me.lost();
      this.o.tell(key, { waiting: true, sent: 0 });
      await this.waker.wait(backoffMs(++failures, failure.waitMs), signal);
    }
  }

  private async permitted({ account }: FileRecord): Promise<boolean> {
    if (!navigator.onLine) return false;
    await this.o.me.check(2000);
    return this.o.me.session.value === "in" && this.o.me.account.value === account;
  }

  /** Sends a file once. Returns null if the server has it, or will never take it. */
  private async attempt(record: FileRecord, signal: AbortSignal): Promise<Failure | null> {
    while (!this.free) await this.turns.wait(againMs, signal);
    if (signal.aborted) return null;
    this.free--;
    const stop = new AbortController();
    const end = (): void => stop.abort();
    signal.addEventListener("abort", end, { once: true });
    let silent = setTimeout(end, silentMs);
    const { key } = record;
    try {
      this.o.tell(key, { waiting: false, sent: 0 });
      const image = await this.o.send(record, stop.signal, (sent) => {
        clearTimeout(silent);
        silent = setTimeout(end, silentMs);
        this.o.tell(key, { sent });
      });
      record.block = image.block;
    } catch (err) {
      if (signal.aborted) return null;
      const failure = judged(err);
      if (failure.kind !== "refused") return failure;
      record.problem = failure.problem;
    } finally {
      clearTimeout(silent);
      signal.removeEventListener("abort", end);
      this.free++;
      this.turns.wake();
    }
    try {
      if (await this.o.get(key)) await this.o.put(record); // it may have been forgotten meanwhile
      return null;
    } catch (err) {
      return failureOf(err); // the database has failed
    }
  }
}

function judged(err: unknown): Failure {
  if (!(err instanceof Refused)) return failureOf(err);
  return judge({ status: err.status, title: "image", detail: err.detail }, err.own, err.retryAfter);
}
