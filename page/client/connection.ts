import { Detour, type Offer } from "./detour";
import { resolve, serverOf } from "./server";
import { Shared, type Turn } from "./shared";
import { mustPause, ownOrigin, watch } from "./surroundings";
import { Ended, Moved, Refused, refused, sleep, type Session, type Transport } from "./transports/transport";
import type { Update } from "./update";

export type Status = "connecting" | "live" | "reconnecting" | "paused" | "offline" | "gone" | "refused" | "blocked";

export interface ConnectionOptions {
  /** Where the server lists its transports. */
  transportsURL: URL;
  /** Pages with the same list of transports and the same shareAs share a connection. */
  shareAs?: string;
  transports: Readonly<Record<string, Transport>>;
  cursor(): number;
  deliver(update: Update, asked: boolean): boolean;
  onStatus(status: Status): void;
  /** How long a transport may take to its first update; 5 s. */
  firstUpdateMs?: number;
  /** The shortest pause after a failure; 500 ms. It doubles up to 30 s. */
  backoffMs?: number;
  /** A stream that says nothing for so long is dead; 45 s. */
  silenceMs?: number;
}

const longestBackoff = 30_000;
/** If a transport worked for so long, the end of its connection is not its fault. */
const settledMs = 10_000;
/** A transport that worked before may fail so often in a row before the next transport is tried. */
const patience = 3;
const rememberFor = 600_000;
const memory = "motacilla-transport";

/**
 * Follows a channel, in a page only while it is visible, over the transports that the server offers, in the server's order. The
 * pages of one browser share a connection if the browser can do that.
 */
export class Connection {
  private session: AbortController | null = null;
  private pages: Shared | null = null;
  private status: Status = "connecting";
  private stopped = false;
  private offers: Offer[] | null = null;
  /** The transport in use; the next attempt begins with it. */
  private current = remembered();
  /** Is used instead of it, and is not remembered. */
  private readonly detour = new Detour();
  /** The transport that brought the last update. */
  private worked = "";
  /** Whether this attempt has used the transport, and when its first update came. */
  private tried = false;
  private began = 0;
  /** Failures in a row, for the backoff, and how many of them were the transport's fault. */
  private failures = 0;
  private blamed = 0;
  /** The last attempt brought nothing. If the list of transports can be read, that is the transport's fault. */
  private suspect = false;
  /** The server can be reached, but the list can't be read: the page's origin or its policy does not allow it. */
  private blocked = false;
  private readonly events = new AbortController();

  constructor(private readonly o: ConnectionOptions) {}

  start(): void {
    watch({
      signal: this.events.signal,
      changed: () => this.check(),
      left: () => this.pause("paused"),
      violated: (event) => this.violated(event),
    });
    this.check();
  }

  /** Ends the connection for good. */
  stop(status: Status): void {
    this.stopped = true;
    this.events.abort();
    this.pause(status);
  }

  private check(): void {
    if (this.stopped) return;
    const why = mustPause();
    if (why) this.pause(why);
    else if (!this.session) void this.follow();
  }

  private pause(status: Status): void {
    this.session?.abort();
    this.session = null;
    this.tell(status);
  }

  private tell(status: Status): void {
    this.status = status;
    this.pages?.beat();
    this.o.onStatus(status);
  }

  /** Tells that there is no connection yet, or no more. */
  private tellWaiting(): void {
    this.tell(this.worked ? "reconnecting" : this.blocked ? "blocked" : "connecting");
  }

  private async follow(): Promise<void> {
    const session = new AbortController();
    this.session = session;
    this.failures = 0;
    this.tellWaiting();
    const pages = (this.pages = new Shared({
      name: `motacilla 1 ${this.o.transportsURL}${this.o.shareAs ? ` ${this.o.shareAs}` : ""}`,
      signal: session.signal,
      cursor: this.o.cursor,
      word: () => ({ status: this.status, revision: this.o.cursor(), transport: this.worked }),
      heard: (word, behind) => {
        if (Object.keys(this.o.transports).includes(word.transport)) {
          this.worked = this.current = word.transport;
        }
        if (!behind || word.status !== "live") this.tell(word.status);
      },
      deliver: (update) => this.o.deliver(update, false),
    }));
    while (!session.signal.aborted) {
      const turn = await pages.turn();
      if (turn.signal.aborted) continue;
      try {
        await this.attempt(pages, turn);
      } catch (err) {
        if (session.signal.aborted) return;
        if (turn.signal.aborted) continue;
        const pause = this.failed(err);
        if (pause === null) return;
        await sleep(pause, turn.signal).catch(() => undefined);
      }
    }
  }

  /** Runs one transport until it fails. If this page does not lead, it ends when the page has caught up. */
  private async attempt(pages: Shared, turn: Turn): Promise<void> {
    const limit = this.o.firstUpdateMs ?? 5000;
    const inner = new AbortController();
    const stop = (): void => inner.abort();
    turn.signal.addEventListener("abort", stop, { once: true });
    let watchdog = setTimeout(stop, limit);
    let back = 0;
    let done = false;
    this.tried = false;
    this.began = 0;
    try {
      const offer = await this.offer(inner.signal);
      const away = this.detour.now() !== null;
      if (away) {
        back = setTimeout(() => {
          done = true;
          this.detour.end();
          stop();
        }, this.detour.left());
      }
      this.tried = true;
      clearTimeout(watchdog); // a slow list is not the transport's fault
      watchdog = setTimeout(stop, limit);
      const transport = this.o.transports[offer.name];
      if (!transport) throw new Error(`unknown transport ${offer.name}`);
      const session: Session = {
        url: resolve(offer.url, serverOf(this.o.transportsURL), this.o.transportsURL),
        signal: inner.signal,
        silenceMs: this.o.silenceMs ?? 45_000,
        cursor: this.o.cursor,
        deliver: (update, asked) => {
          if (inner.signal.aborted) return false;
          if (!this.began) {
            this.began = Date.now();
            clearTimeout(watchdog);
            this.worked = this.current;
            if (!away) remember(offer.name);
            this.tell("live");
          }
          pages.pass(update);
          const again = this.o.deliver(update, asked);
          if (!turn.leads && !again) {
            done = true;
            pages.caughtUp();
            stop();
          }
          return again;
        },
      };
      await transport(session);
    } catch (err) {
      if (!done) throw err;
    } finally {
      clearTimeout(watchdog);
      clearTimeout(back);
      turn.signal.removeEventListener("abort", stop);
      inner.abort();
    }
  }

  /** Returns how long to wait before the next attempt, or null if there must be none. */
  private failed(err: unknown): number | null {
    if (err instanceof Moved) {
      if (this.detour.begin(err, this.offers ?? [], this.current)) return 0;
      err = new Refused(503, err.retryMs, true);
    }
    const { status, retryAfter: later, own } = err instanceof Refused ? err : new Refused(0, 0);
    const missing = status === 404 || status === 410;
    const denied = missing || status === 401 || status === 403;
    // Only the server's own answer to the list ends the page: a proxy may refuse while the server restarts.
    if (denied && own && !this.tried) {
      this.stop(missing ? "gone" : "refused");
      return null;
    }
    const pause = err instanceof Ended ? err.pause : 0;
    if (this.began && Date.now() - this.began > settledMs) {
      this.failures = this.blamed = 0;
      if (err instanceof Ended) return pause;
    }
    this.failures++;
    this.tellWaiting();
    if (this.detour.now()) {
      if (denied) this.offers = null; // the list tells whether it is the channel
      if (status !== 429 && !(status === 503 && own)) this.detour.end(); // it does not work here
    } else if (this.tried && status !== 429 && status !== 503) {
      // The list of transports tells whether the cause is the channel, the server or the reader's permission.
      if (denied || !(this.began || status)) this.suspect = true;
      else this.blame();
      // Before any transport has worked, each is tried once without a pause.
      if (!this.worked && this.failures < (this.offers?.length ?? 0)) return 0;
    }
    const backoff = Math.min((this.o.backoffMs ?? 500) * 2 ** Math.min(this.failures - 1, 10), longestBackoff);
    return Math.max(backoff * (0.5 + Math.random()), pause, later * (1 + Math.random() / 4));
  }

  /** Counts a failure of the transport in use. After too many, the next transport is used. */
  private blame(): void {
    this.suspect = false;
    if (++this.blamed < (this.worked === this.current ? patience : 1) || !this.offers) return;
    const next = this.offers[(this.offers.findIndex((t) => t.name === this.current) + 1) % this.offers.length];
    this.current = next?.name ?? "";
    this.blamed = 0;
  }

  private async offer(signal: AbortSignal): Promise<Offer> {
    if (!this.offers || this.suspect) {
      const answer = await this.list(signal);
      if (!answer.ok) throw await refused(answer);
      const list = (await answer.json()) as { transports?: Offer[] };
      const usable = (list.transports ?? []).filter((t) => t.name in this.o.transports);
      if (usable.length === 0) throw new Error("the server offers no transport that this client knows");
      this.offers = usable;
      if (this.suspect) this.blame();
    }
    const away = this.detour.now();
    if (away) return away;
    const offer = this.offers.find((t) => t.name === this.current) ?? this.offers[0];
    if (!offer) throw new Error("no transport");
    this.current = offer.name;
    return offer;
  }

  /**
   * Asks for the list. A browser does not say whether the network is down or the page's origin is not allowed. The
   * server's assets may be read from every origin, so a request for one of them tells.
   */
  private async list(signal: AbortSignal): Promise<Response> {
    const url = this.o.transportsURL;
    const own = ownOrigin();
    try {
      const answer = await fetch(url, { cache: "no-cache", credentials: "same-origin", signal });
      this.blocked = false;
      return answer;
    } catch (err) {
      if (this.worked || signal.aborted || this.blocked || !own || url.origin === own) throw err;
      const asset = new URL("assets/live.js", serverOf(url));
      const there = await fetch(asset, { method: "HEAD", cache: "no-store", credentials: "omit", signal }).catch(() => null);
      if (there?.ok) {
        this.block(`${url.origin} does not let pages of ${own} read it: server.origins has to name that origin`);
      }
      throw err;
    }
  }

  private violated(event: SecurityPolicyViolationEvent): void {
    const { href, origin } = this.o.transportsURL;
    if (this.worked || event.effectiveDirective !== "connect-src" || event.disposition !== "enforce") return;
    if (event.blockedURI !== href && event.blockedURI !== origin) return;
    this.block(`this page's Content-Security-Policy forbids connections to ${origin}: connect-src has to name it`);
    if (this.session) this.tellWaiting();
  }

  private block(why: string): void {
    if (!this.blocked) console.warn(`live-posts: ${why}`);
    this.blocked = true;
  }
}

function remember(name: string): void {
  try {
    sessionStorage.setItem(memory, JSON.stringify({ name, at: Date.now() }));
  } catch {
    // Storage may be forbidden. Then every page begins with the first transport.
  }
}

function remembered(): string {
  try {
    const { name, at } = JSON.parse(sessionStorage.getItem(memory) ?? "{}") as { name?: string; at?: number };
    return name && at && Date.now() - at < rememberFor ? name : "";
  } catch {
    return "";
  }
}
