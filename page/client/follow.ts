import { Connection, type Status } from "./connection";
import { loadOlder } from "./older";
import { listOf } from "./server";
import { here } from "./transports/here";
import type { Transport } from "./transports/transport";
import { isUpdate, type Update } from "./update";
import { View } from "./view";

/** Names a channel, and the transports by which to read it. */
export interface ChannelOptions {
  /** The server's URL. It may contain a path. In a page it may be relative to the page. */
  src: string | URL;
  channel: string;
  /** More transports than the known ones, by the server's names. */
  transports?: Record<string, Transport>;
  /** The names of the only transports to use. Without it, all that the server offers may be used. */
  only?: readonly string[];
}

export interface FollowOptions extends ChannelOptions {
  /** The snapshot from which to continue. Without it, the first update brings the newest page. */
  snapshot?: Update;
  onUpdate?(view: View): void;
  onStatus?(status: Status): void;
  firstUpdateMs?: number;
  backoffMs?: number;
  silenceMs?: number;
}

/** Follows one channel. */
export interface Follower {
  readonly view: View;
  readonly status: Status;
  start(): void;
  stop(): void;
  loadOlder(): Promise<void>;
}

/** Follows a channel until stop is called. */
export function follow(o: FollowOptions): Follower {
  const follower = new Following(o);
  follower.start();
  return follower;
}

/** Returns the URL of the list of transports that options name. */
export function listFor({ src, channel }: ChannelOptions): URL {
  if (!channel) throw new TypeError("channel must be the ID of a channel, not empty");
  let server: URL;
  try {
    server = new URL(src, typeof document === "undefined" ? undefined : document.baseURI);
  } catch {
    throw new TypeError(`src must be the URL of a server, such as https://live.example.org, not ${JSON.stringify(src)}`);
  }
  return listOf(server, channel);
}

/** Returns the transports that options allow. */
export function usable({ transports, only }: ChannelOptions): Record<string, Transport> {
  const all: Record<string, Transport> = { ...here, ...transports };
  if (!only) return all;
  for (const name of only) {
    if (!(name in all)) throw new TypeError(`only must name transports, not ${name}; there are ${Object.keys(all).join(", ")}`);
  }
  return Object.fromEntries(Object.entries(all).filter(([name]) => only.includes(name)));
}

class Following implements Follower {
  readonly view = new View();
  status: Status = "paused";
  private readonly list: URL;
  private readonly transports: Record<string, Transport>;
  private connection: Connection | null = null;
  private life = new AbortController();
  private loading: Promise<void> | null = null;

  constructor(private readonly o: FollowOptions) {
    this.list = listFor(o);
    this.transports = usable(o);
    if (!o.snapshot) return;
    if (!isUpdate(o.snapshot) || !o.snapshot.reset) throw new TypeError("snapshot must be an update with reset");
    this.view.apply(o.snapshot, true);
  }

  start(): void {
    if (this.connection) return;
    this.life = new AbortController();
    const { o, view } = this;
    const connection = new Connection({
      channel: o.channel,
      transportsURL: this.list,
      transports: this.transports,
      shareAs: o.only ? [...o.only].sort().join(" ") : "",
      cursor: () => view.revision,
      deliver: (update, asked) => {
        if (!isUpdate(update)) return true;
        const before = view.revision;
        const again = view.apply(update, asked);
        const changed = view.revision !== before || update.reset;
        if (changed) call(() => o.onUpdate?.(view));
        if (view.gone) connection.stop("gone");
        return again;
      },
      onStatus: (status) => this.tell(status),
      firstUpdateMs: o.firstUpdateMs,
      backoffMs: o.backoffMs,
      silenceMs: o.silenceMs,
    });
    this.connection = connection;
    connection.start();
  }

  stop(): void {
    this.life.abort();
    this.connection?.stop("paused");
    this.connection = null;
  }

  loadOlder(): Promise<void> {
    if (typeof DOMParser === "undefined") {
      return Promise.reject(new Error("older posts can be loaded only in pages: they are read from the server's page by DOMParser"));
    }
    const { view, list, o } = this;
    this.loading ??= loadOlder(view, new URL(list.href.replace(/\/transports$/, "")), this.life.signal)
      .then(() => call(() => o.onUpdate?.(view)))
      .finally(() => (this.loading = null));
    return this.loading;
  }

  private tell(status: Status): void {
    if (status === this.status) return;
    this.status = status;
    call(() => this.o.onStatus?.(status));
  }
}

/** Calls a function of the app. If it throws, that is reported as uncaught. The connection is not to blame for it. */
function call(back: () => void): void {
  try {
    back();
  } catch (err) {
    queueMicrotask(() => {
      throw err;
    });
  }
}
