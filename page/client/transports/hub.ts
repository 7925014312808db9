import { isObject, isUpdate, type Update } from "../update";
import { orderlyEnd } from "./stream";
import { fetchJSON, linked, type Session, type Transport } from "./transport";

/** Tells a reader how to follow a channel at a hub (docs/wire.md). */
export interface Ticket {
  protocol: string;
  /** To connect to. */
  url: string;
  /** To connect to without WebSocket; it has all that the hub must know. */
  sse?: string;
  /** The channel's name at the hub. */
  channel?: string;
  /** Of the connection. */
  token?: string;
  /** Token of the subscription. */
  subscription?: string;
  /** Where to get the token of the subscription. */
  auth?: string;
}

/** What a connection to a hub must call. */
export interface Ear {
  /** Ends when the connection must. */
  readonly signal: AbortSignal;
  /** The hub sends from now on what is pushed to it. */
  ready(): void;
  /** The hub has sent something, which may be an update. */
  message(said: unknown): void;
  /** The connection has ended. Without an error, that is nobody's fault if the hub was ready. */
  end(err?: unknown): void;
}

/** Connects to a hub to follow a channel of the server, and returns what closes the connection. */
export type Dial = (ticket: Ticket, ear: Ear, s: Session, channel: string) => () => void;

const hubs = new WeakSet<Transport>();

/** Reports whether a transport is a hub: a server of others, which can be down while this one works. */
export function isHub(transport: Transport | undefined): boolean {
  return transport !== undefined && hubs.has(transport);
}

/**
 * Returns the transport that follows a channel at a hub. The server is asked first: it answers with what the reader lacks and how to
 * find the hub. It is asked again when the hub is ready. Only then does the transport work. A hub may lose, double and reorder:
 * the server is asked for what is missing, and when the hub has said nothing for long.
 */
export function hub(dials: Readonly<Record<string, Dial>>): Transport {
  const transport: Transport = async (s) => {
    const { life, unlink } = linked(s.signal);
    const { signal } = life;
    try {
      const first = await inquire(s, signal);
      const dial = Object.keys(dials).includes(first.ticket.protocol) ? dials[first.ticket.protocol] : undefined;
      if (!dial) throw new Error(`unknown hub ${first.ticket.protocol}`);
      s.deliver(first.update, true, false);
      if (signal.aborted) throw new DOMException("aborted", "AbortError"); // it may be all that was wanted
      await new Promise<never>((_, reject) => {
        signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")), { once: true });
        new Following(s, signal, first.update.channel, reject).begin(dial, first.ticket);
      });
    } finally {
      unlink();
      life.abort();
    }
  };
  hubs.add(transport);
  return transport;
}

/** What the server answers. */
interface Answer {
  update: Update;
  /** A reader that hears nothing asks after so long. */
  check: number;
  ticket: Ticket;
}

async function inquire(s: Session, signal: AbortSignal): Promise<Answer> {
  const answer = await fetchJSON(s, { cache: "no-store", signal });
  if (!isObject(answer) || !isUpdate(answer.update) || !isTicket(answer.hub)) throw new Error("the answer is no ticket");
  const check = Number(answer.check_ms) || 60_000;
  return { update: answer.update, check: Math.min(Math.max(check, 1000), 3_600_000), ticket: answer.hub };
}

function isTicket(value: unknown): value is Ticket {
  if (!isObject(value) || typeof value.protocol !== "string" || typeof value.url !== "string") return false;
  return [value.sse, value.channel, value.token, value.subscription, value.auth].every((v) => v === undefined || typeof v === "string");
}

/** All readers lack the same at the same time. They ask spread over so long. */
const spreadMs = 1000;
/** If a check brings what the hub has not sent, it has so long to send it. Else the connection is taken for dead. */
const graceMs = 10_000;

/** A reader that has its first answer, and follows the hub. */
class Following {
  private isReady = false;
  private timer = 0;
  private asking = false;
  /** Something is missing, and a question is due. */
  private lacking = false;
  /** The newest revision that an update had which did not fit. */
  private told = 0;
  /** A check has brought what the hub has not sent. */
  private doubt = false;
  /** How many answers in a row have brought nothing, although something was missing. */
  private vain = 0;
  private check = 0;

  constructor(
    private readonly s: Session,
    private readonly signal: AbortSignal,
    private readonly channel: string,
    private readonly over: (err: unknown) => void,
  ) {}

  begin(dial: Dial, ticket: Ticket): void {
    const { signal } = this;
    let close = (): void => undefined;
    signal.addEventListener("abort", () => {
      clearTimeout(this.timer);
      close();
    }, { once: true });
    const ear: Ear = {
      signal,
      ready: () => this.ready(),
      message: (said) => this.take(said),
      end: (err) => this.over(err ?? (this.isReady ? orderlyEnd() : new Error("the hub does not answer"))),
    };
    try {
      close = dial(ticket, ear, this.s, this.channel);
    } catch (err) {
      this.over(err); // the page's policy may forbid it
    }
  }

  private ready(): void {
    if (this.isReady || this.signal.aborted) return;
    this.isReady = true;
    void this.ask(false);
  }

  private take(said: unknown): void {
    const { s } = this;
    if (this.signal.aborted || !isUpdate(said) || said.channel !== this.channel) return;
    this.doubt = false;
    const unfit = s.deliver(said, false);
    if (unfit) this.told = Math.max(this.told, said.revision);
    if (this.signal.aborted || this.lacking || this.asking || !this.isReady) return; // there will be an answer
    if (unfit) this.lacks(0);
    else this.wait();
  }

  private lacks(least: number): void {
    this.lacking = true;
    this.later(least + Math.random() * spreadMs);
  }

  private wait(): void {
    this.later(this.check * (0.9 + Math.random() * 0.2));
  }

  private later(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.doubt) this.over(orderlyEnd());
      else void this.ask(!this.lacking);
    }, ms);
  }

  /** Asks the server. quiet: only because the hub has said nothing for long. */
  private async ask(quiet: boolean): Promise<void> {
    const { s } = this;
    clearTimeout(this.timer);
    this.asking = true;
    this.lacking = false;
    const cursor = s.cursor();
    this.timer = setTimeout(() => this.over(orderlyEnd()), s.silenceMs); // else nothing would ever be asked again
    try {
      const { update, check } = await inquire(s, this.signal);
      clearTimeout(this.timer);
      this.asking = false;
      this.check = check;
      // What the hub has sent meanwhile has moved the cursor that the answer is for.
      const again = s.deliver(update, s.cursor() === cursor);
      if (this.signal.aborted) return;
      const now = s.cursor();
      this.vain = now === cursor && !quiet ? this.vain + 1 : 0;
      // This node may be behind the one that pushes.
      if (again || this.told > now) this.lacks(Math.min(spreadMs * 2 ** Math.min(this.vain, 10), check));
      else if (quiet && now !== cursor) {
        this.doubt = true;
        this.later(graceMs);
      } else this.wait();
    } catch (err) {
      this.over(err);
    }
  }
}
