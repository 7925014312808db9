import type { Lane } from "./lane";
import { listen, type Open, type Source } from "./transports/stream";
import { denial, Ended, refusedChannel, sleep } from "./transports/transport";
import { isObject, isUpdate } from "./update";

/** The most channels of a connection (docs/wire.md), and about how many characters they may take in its URL. */
const mostChannels = 100;
const mostCharacters = 6000;

/** Changes that come within so long are made together. */
const togetherMs = 50;
/** A channel that nobody wants any more is followed for so long, if nothing else changes. */
const unwantedMs = 2000;

export interface ManyOptions {
  url: URL;
  open: Open;
  silenceMs: number;
  signal: AbortSignal;
  /** The channels that may be carried. */
  lanes: ReadonlyMap<string, Lane>;
  /** Is called for each message. */
  heard(): void;
  /** Is called if the server does not carry a channel, or no longer. */
  refused(lane: Lane, err: Error): void;
}

/** A stream with the cursors that were sent over it, and those that its next updates answer. */
interface Stream {
  readonly life: AbortController;
  readonly sent: Map<string, number>;
  readonly answers: Map<string, number>;
  /** The channels of the stream whose place it takes. */
  readonly before: ReadonlySet<string>;
  source: Source | null;
}

/** Follows many channels over one connection, or over as few as can carry them. */
export class Many {
  private readonly lines = new Set<Line>();
  private timer = 0;
  private due = 0;
  private fail: (err: unknown) => void = () => undefined;

  constructor(private readonly o: ManyOptions) {}

  /** Runs until a connection fails or the signal aborts. */
  async run(): Promise<never> {
    try {
      return await new Promise<never>((_, reject) => {
        this.fail = reject;
        const { signal } = this.o;
        signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")), { once: true });
        this.sync();
      });
    } finally {
      clearTimeout(this.timer);
      for (const line of this.lines) line.close();
      this.lines.clear();
    }
  }

  /** Must be called when lanes have come or have another cursor, and with unwanted when some have gone. */
  sync(unwanted = false): void {
    const due = Date.now() + (unwanted ? unwantedMs : togetherMs);
    if (this.timer && this.due <= due) return;
    clearTimeout(this.timer);
    this.due = due;
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.apply();
    }, due - Date.now());
  }

  private apply(): void {
    if (this.o.signal.aborted || [...this.lines].some((line) => line.busy)) return; // a line that has changed calls sync
    const fresh = new Map([...this.o.lanes].filter(([, lane]) => lane.rides));
    const changes = new Map<Line, string[]>();
    for (const line of this.lines) {
      const gone = [...line.lanes.keys()].filter((channel) => !fresh.has(channel));
      for (const channel of gone) line.lanes.delete(channel);
      for (const channel of line.lanes.keys()) {
        line.lanes.set(channel, fresh.get(channel) as Lane);
        fresh.delete(channel);
      }
      changes.set(line, gone);
    }
    for (const [channel, lane] of fresh) {
      let line = [...this.lines].find((l) => l.hasRoom(channel));
      if (!line) this.lines.add((line = new Line(this.o, (err) => this.fail(err), () => this.sync())));
      line.lanes.set(channel, lane);
    }
    for (const line of this.lines) {
      if (line.lanes.size > 0) {
        line.change(changes.get(line) ?? []);
      } else {
        line.close();
        this.lines.delete(line);
      }
    }
  }
}

/** One connection. If its stream can't be told of other channels, a new stream takes its place once it follows them. */
class Line {
  readonly lanes = new Map<string, Lane>();
  private stream: Stream | null = null;
  private next: Stream | null = null;

  constructor(private readonly o: ManyOptions, private readonly fail: (err: unknown) => void, private readonly sync: () => void) {}

  get busy(): boolean {
    return this.next !== null;
  }

  hasRoom(channel: string): boolean {
    const characters = [...this.lanes.keys(), channel].reduce((sum, c) => sum + encodeURIComponent(c).length + 22, 0);
    return this.lanes.size < mostChannels && characters <= mostCharacters;
  }

  close(): void {
    this.stream?.life.abort();
    this.next?.life.abort();
  }

  /** Has the connection follow its lanes, and the channels that are gone no longer. */
  change(gone: readonly string[]): void {
    const unsent = [...this.lanes.values()].filter((lane) => lane.unsent);
    const { stream } = this;
    if (unsent.length === 0 && gone.length === 0) return;
    if (!stream?.source?.send) return this.open();
    for (const { channel } of unsent) stream.answers.delete(channel);
    const subscribe = Object.fromEntries(unsent.map((lane) => [lane.channel, this.send(stream, lane) || null]));
    stream.source.send(JSON.stringify({ subscribe, unsubscribe: gone }));
  }

  private send(stream: Stream, lane: Lane): number {
    const cursor = lane.send();
    stream.sent.set(lane.channel, cursor);
    return cursor;
  }

  private open(): void {
    const before = new Set(this.stream?.sent.keys());
    const stream: Stream = { life: new AbortController(), sent: new Map(), answers: new Map(), before, source: null };
    const url = new URL(this.o.url);
    for (const [channel, lane] of this.lanes) {
      const cursor = this.send(stream, lane);
      url.searchParams.append("c", cursor ? `${channel},${cursor}` : channel);
    }
    if (this.stream) this.next = stream;
    else this.stream = stream;
    const s = { signal: stream.life.signal, silenceMs: this.o.silenceMs };
    stream.source = listen(url, this.o.open, s, (message) => this.take(stream, message), (err) => this.over(stream, err));
  }

  private take(stream: Stream, message: unknown): Error | null {
    this.o.heard();
    if (isUpdate(message)) {
      const lane = this.lanes.get(message.channel);
      const since = stream.answers.get(message.channel);
      stream.answers.delete(message.channel);
      if (lane?.carried(message, since)) this.renew(lane);
      return null;
    }
    if (!isObject(message)) return new Error("the message is neither an update nor a notice");
    if (Array.isArray(message.subscribed)) this.subscribed(stream, message.subscribed);
    if (isObject(message.refused)) this.refused(stream, message.refused);
    return isObject(message.error) ? new Error(`the server did not understand: ${String(message.error.detail)}`) : null;
  }

  private subscribed(stream: Stream, channels: unknown[]): void {
    for (const channel of channels as string[]) {
      const since = stream.sent.get(channel);
      if (since !== undefined) stream.answers.set(channel, since);
      this.lanes.get(channel)?.subscribed();
    }
    if (stream !== this.next) return;
    this.stream?.life.abort();
    this.stream = stream;
    this.next = null;
    this.sync(); // for what has changed meanwhile
  }

  private refused(stream: Stream, said: Record<string, unknown>): void {
    const lane = this.lanes.get(String(said.channel));
    if (!lane) return;
    const err = refusedChannel(said);
    if (stream.before.has(lane.channel) && !denial(err)) return this.fail(overlapped());
    this.lanes.delete(lane.channel);
    this.o.refused(lane, err);
  }

  /** Asks again for a channel of which something is missing, after a pause. */
  private renew(lane: Lane): void {
    lane.renew();
    lane.unsent = false;
    sleep(500 + Math.random() * 1000, this.o.signal).then(() => {
      lane.renew();
      this.sync();
    }, () => undefined);
  }

  private over(stream: Stream, err: unknown): void {
    if (stream.life.signal.aborted) return;
    const replaced = stream === this.next && this.stream;
    if (stream === this.stream && this.next) this.stream = null; // the next one has all channels
    else if (this.lanes.size > 0) this.fail(replaced ? overlapped() : err);
    else this.stream = null;
  }
}

/** A stream counts against the server's limits until it has ended. So a new one may be refused that takes its place. */
function overlapped(): Ended {
  return new Ended(500 + Math.random() * 1000);
}
