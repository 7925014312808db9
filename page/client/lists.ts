import { serverOf } from "./server";
import { ownOrigin } from "./surroundings";
import { refused, type Transport } from "./transports/transport";
import { isObject } from "./update";

/** A transport that the server offers. many is the URL for several channels; not all have one. */
export interface Offer {
  name: string;
  url: string;
  many?: string;
}

/** Reads lists of transports, and finds out why they can't be read. */
export class Lists {
  /** The server can be reached, but its lists can't be read: the page's origin or its policy does not allow it. */
  blocked = false;
  private asked: URL | null = null;
  private readable = false;

  constructor(private readonly transports: Readonly<Record<string, Transport>>) {}

  /** Returns the transports of a list that this client knows. */
  async read(list: URL, signal: AbortSignal): Promise<Offer[]> {
    const answer = await this.ask(list, signal);
    if (!answer.ok) throw await refused(answer);
    const usable = offersIn(await answer.json()).filter((t) => t.name in this.transports);
    if (usable.length === 0) throw new Error("the server offers no transport that this client knows");
    return usable;
  }

  /**
   * Asks for a list. A browser does not say whether the network is down or the page's origin is not allowed. The
   * server's assets may be read from every origin, so a request for one of them tells.
   */
  private async ask(list: URL, signal: AbortSignal): Promise<Response> {
    this.asked = list;
    const own = ownOrigin();
    try {
      const answer = await fetch(list, { cache: "no-cache", credentials: "same-origin", signal });
      this.blocked = false;
      this.readable = true;
      return answer;
    } catch (err) {
      if (this.readable || this.blocked || signal.aborted || !own || list.origin === own) throw err;
      const asset = new URL("assets/live.js", serverOf(list));
      const there = await fetch(asset, { method: "HEAD", cache: "no-store", credentials: "omit", signal }).catch(() => null);
      if (there?.ok) {
        this.block(`${list.origin} does not let pages of ${own} read it: server.origins has to name that origin`);
      }
      throw err;
    }
  }

  /** Must be called if the page's policy was violated. Returns whether it forbids to read a list. */
  violated(event: SecurityPolicyViolationEvent): boolean {
    if (this.readable || !this.asked || event.effectiveDirective !== "connect-src" || event.disposition !== "enforce") return false;
    const { href, origin } = this.asked;
    if (event.blockedURI !== href && event.blockedURI !== origin) return false;
    this.block(`this page's Content-Security-Policy forbids connections to ${origin}: connect-src has to name it`);
    return true;
  }

  private block(why: string): void {
    if (!this.blocked) console.warn(`live-posts: ${why}`);
    this.blocked = true;
  }
}

/** Returns the transports of a list. */
export function offersIn(list: unknown): Offer[] {
  if (!isObject(list) || !Array.isArray(list.transports)) throw new Error("the answer is no list of transports");
  return list.transports.filter((t) => isObject(t) && typeof t.name === "string" && typeof t.url === "string");
}
