import { signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { uploadImage } from "../../../page/client/npm/index";
import type { ImageBlock } from "../model";
import type { Bus } from "./bus";
import { isFull, type Db, type Tx } from "./db";
import { fileRecord, usedFiles, type FileRecord } from "./filerecords";
import type { Me } from "./me";
import { Failure } from "./problem";
import { randomKey } from "./random";
import { Uploads } from "./uploads";

export interface FileState {
  sent: number;
  total: number;
  /** The server has it. */
  block?: ImageBlock;
  /** The server does not take it, and why. */
  problem?: string;
  /** It can't be sent now: there is no net, or nobody is signed in. */
  waiting: boolean;
  /** False: only this tab's memory has it, because the browser can't store it. */
  kept: boolean;
}

/** Images that a person adds. They are kept in the browser until the post that has them is stored by the server. */
export interface Files {
  add(file: Blob): Promise<string>;
  url(key: string): Promise<string>;
  state(key: string): ReadonlySignal<FileState>;
  retry(key: string): void;
  /** The person has removed the image. It is forgotten after a while, unless it comes back by an undo. */
  drop(key: string): void;
}

const droppedMs = 3_600_000;
const forgottenMs = 86_400_000;

export class FileStore implements Files {
  private readonly states = new Map<string, Signal<FileState>>();
  private readonly urls = new Map<string, string>();
  /** Files for which there is no room on the disk. */
  private readonly memory = new Map<string, FileRecord>();
  /** Returns the files of changes for which there is no room on the disk. */
  private needed: () => string[] = () => [];
  private readonly uploads: Uploads;

  constructor(
    private readonly db: Db,
    private readonly bus: Bus,
    private readonly me: Me,
    base: string,
    scope: string,
    life: AbortSignal,
  ) {
    this.uploads = new Uploads({
      me,
      scope,
      life,
      get: (key) => this.get(key),
      put: (record) => this.put(record),
      tell: (key, part) => this.tell(key, part),
      send: ({ data, type, key, account }, signal, onProgress) =>
        uploadImage(base || "/", new Blob([data], { type }), { key, as: account, signal, onProgress }),
    });
    bus.on((m) => {
      if (m.kind === "file") void this.refresh(m.key);
    });
    life.addEventListener("abort", () => this.urls.forEach((url) => URL.revokeObjectURL(url)));
  }

  /** needed returns files that something needs of which the database does not know. */
  heed(needed: () => string[]): void {
    this.needed = needed;
  }

  /** Goes on with what a page before has left, and forgets what nobody needs. */
  async start(): Promise<void> {
    const { pending, gone } = await this.db.change(["entries", "files", "kept"], async (tx) => {
      const used = await this.used(tx);
      const pending: string[] = [];
      const gone: string[] = [];
      for (const f of await tx.all<FileRecord>("files")) {
        const old = f.dropped ? Date.now() - f.dropped > droppedMs : Date.now() - f.made > forgottenMs;
        if (old && !used.has(f.key)) {
          await tx.remove("files", f.key);
          gone.push(f.key);
        } else if (!f.block && !f.problem && !f.dropped) pending.push(f.key);
      }
      return { pending, gone };
    });
    gone.forEach((key) => this.bus.tell({ kind: "file", key }));
    pending.forEach((key) => this.uploads.begin(key));
  }

  async add(file: Blob): Promise<string> {
    const record = fileRecord(randomKey(), this.me.account.value, file, await file.arrayBuffer());
    await this.put(record);
    this.uploads.begin(record.key);
    return record.key;
  }

  async url(key: string): Promise<string> {
    const known = this.urls.get(key);
    if (known) return known;
    const record = await this.get(key);
    if (!record) return "";
    const url = this.urls.get(key) ?? URL.createObjectURL(new Blob([record.data], { type: record.type }));
    this.urls.set(key, url);
    return url;
  }

  state(key: string): ReadonlySignal<FileState> {
    return this.signalOf(key);
  }

  retry(key: string): void {
    void this.change(key, (f) => {
      delete f.problem;
      delete f.dropped;
    }).then(() => this.uploads.begin(key));
  }

  drop(key: string): void {
    this.uploads.stop(key);
    void this.change(key, (f) => void (f.dropped = Date.now()));
  }

  /** Returns the image as the server has it. It waits as long as it takes. Rejects with a Failure if the server refuses it. */
  async ready(key: string, signal: AbortSignal): Promise<ImageBlock> {
    for (;;) {
      const f = await this.get(key);
      if (!f) throw new Failure("refused", { status: 0, title: "image", detail: "the image is no longer in this browser" });
      if (f.problem) throw new Failure("refused", f.problem);
      if (f.block) return f.block;
      if (f.dropped) await this.change(key, (now) => void delete now.dropped);
      await this.uploads.ended(key, signal);
      signal.throwIfAborted();
    }
  }

  /** Uploads a file again, because the server has it no longer. */
  async again(key: string): Promise<void> {
    await this.change(key, (f) => void delete f.block);
    this.uploads.begin(key);
  }

  /** Has all that waits be tried at once. */
  kick(): void {
    this.uploads.wake();
  }

  /** Drops files that nothing needs any more: what had them may be taken back. */
  async leave(keys: string[]): Promise<void> {
    if (!keys.length) return;
    const used = await this.db.read(["entries", "kept"], (tx) => this.used(tx));
    for (const key of keys) if (!used.has(key)) this.drop(key);
  }

  /** Forgets files that nothing needs any more. */
  async release(keys: string[]): Promise<void> {
    if (!keys.length) return;
    const gone = await this.db.change(["entries", "files", "kept"], async (tx) => {
      const used = await this.used(tx);
      const free = keys.filter((key) => !used.has(key));
      for (const key of free) await tx.remove("files", key);
      return free;
    });
    for (const key of gone) {
      this.memory.delete(key);
      await this.refresh(key);
      this.bus.tell({ kind: "file", key });
    }
  }

  private async used(tx: Tx): Promise<Set<string>> {
    const used = await usedFiles(tx);
    this.needed().forEach((key) => used.add(key));
    return used;
  }

  private async get(key: string): Promise<FileRecord | undefined> {
    return this.memory.get(key) ?? (await this.db.read(["files"], (tx) => tx.get<FileRecord>("files", key)));
  }

  private async put(record: FileRecord): Promise<void> {
    if (!this.memory.has(record.key)) {
      try {
        await this.db.change(["files"], (tx) => tx.put("files", record));
      } catch (err) {
        if (!isFull(err)) throw err;
        this.memory.set(record.key, record);
      }
    } else this.memory.set(record.key, record);
    await this.refresh(record.key);
    this.bus.tell({ kind: "file", key: record.key });
  }

  private async change(key: string, edit: (f: FileRecord) => void): Promise<void> {
    const record = await this.get(key);
    if (!record) return;
    edit(record);
    await this.put(record);
  }

  private tell(key: string, part: Partial<FileState>): void {
    const s = this.signalOf(key);
    s.value = { ...s.peek(), ...part };
  }

  private signalOf(key: string): Signal<FileState> {
    let s = this.states.get(key);
    if (!s) {
      this.states.set(key, (s = signal<FileState>({ sent: 0, total: 0, waiting: false, kept: true })));
      void this.refresh(key);
    }
    return s;
  }

  /** Shows what the record says now. */
  private async refresh(key: string): Promise<void> {
    const f = await this.get(key);
    const s = this.states.get(key);
    if (!f) {
      const url = this.urls.get(key);
      if (url) URL.revokeObjectURL(url);
      this.urls.delete(key);
      this.states.delete(key);
    } else if (s) {
      const { sent, waiting } = s.peek();
      const total = f.data.byteLength;
      const next: FileState = { sent: f.block ? total : sent, total, waiting: waiting && !f.block && !f.problem, kept: !this.memory.has(key) };
      if (f.block) next.block = f.block;
      if (f.problem) next.problem = f.problem.detail || f.problem.title;
      s.value = next;
    }
  }
}
