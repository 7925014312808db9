import { isObject } from "../../update";
import type { Dial, Ear, Ticket } from "../hub";
import { parse, type Listen } from "./events";
import { openLine, type Line } from "./socket";

/** A WebSocket that has not brought the hub's first answer after so long does not work here. */
const socketMs = 2500;

/**
 * Follows Centrifugo by its JSON protocol (centrifugal.dev/docs/transports/client_protocol) or, where WebSocket does not work, by
 * server-sent events in one direction (centrifugal.dev/docs/transports/uni_sse).
 */
export function centrifugo(listen: Listen): Dial {
  return (ticket, ear, s) => {
    const events = (): (() => void) => inOneDirection(ticket, ear, s.url, listen);
    if (!ticket.sse) return bothWays(ticket, ear, s.url).close;
    if (typeof WebSocket !== "function") return events();
    let works = false;
    let close = (): void => undefined;
    const fallBack = (err?: unknown): void => {
      clearTimeout(timer);
      if (works || ear.signal.aborted) return ear.end(err);
      works = true;
      close();
      try {
        close = events();
      } catch (failure) {
        ear.end(failure); // the page's policy may forbid it
      }
    };
    const timer = setTimeout(fallBack, socketMs);
    try {
      close = bothWays(ticket, { ...ear, end: fallBack }, s.url, () => {
        works = true;
        clearTimeout(timer);
      }).close;
    } catch {
      fallBack(); // the page's policy may forbid it
    }
    return () => {
      clearTimeout(timer);
      close();
    };
  };
}

function bothWays({ url, channel = "", token, subscription }: Ticket, ear: Ear, from: URL, works?: () => void): Line {
  const take = (line: Line, said: Record<string, unknown>): void => {
    const { error, connect, subscribe, push } = said;
    if (isObject(error)) ear.end(new Error(`the hub answers with error ${String(error.code)}`));
    else if (isObject(connect)) {
      works?.();
      line.rhythm((Number(connect.ping) || 0) * 1000);
      if (subscribes(connect, channel)) ear.ready();
      else line.send({ id: 2, subscribe: { channel, token: subscription } });
    } else if (subscribe || said.id === 2) ear.ready();
    else if (isObject(push)) pushed(push, channel, ear);
    else if (!said.id) line.send({}); // a ping
  };
  return openLine(new URL(url, from), ear, take, (line) => line.send({ id: 1, connect: { token, name: "motacilla" } }));
}

function inOneDirection({ sse = "", channel = "" }: Ticket, ear: Ear, from: URL, listen: Listen): () => void {
  const data = (text: string): void => {
    const said = parse(text);
    if (!isObject(said)) return;
    const { connect } = said;
    if (!isObject(connect)) pushed(said, channel, ear);
    else if (subscribes(connect, channel)) ear.ready();
    else ear.end(new Error("the hub does not let this reader subscribe"));
  };
  return listen(new URL(sse, from), { signal: ear.signal, open: () => undefined, data, end: ear.end });
}

/** Reports whether the hub has subscribed the connection to the channel. */
function subscribes({ subs }: Record<string, unknown>, channel: string): boolean {
  return isObject(subs) && Object.keys(subs).includes(channel);
}

function pushed({ channel, pub, unsubscribe, disconnect }: Record<string, unknown>, own: string, ear: Ear): void {
  if (disconnect || (unsubscribe && channel === own)) ear.end();
  else if (isObject(pub) && channel === own) ear.message(pub.data);
}
