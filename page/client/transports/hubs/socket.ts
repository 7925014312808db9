import { parse } from "./events";
import type { Ear } from "../hub";

/** What a hub says of its rhythm counts up to here: a timer can't be set for months. */
const longestMs = 3_600_000;
/** How late a hub's ping, or its answer to one, may be. */
const lateMs = 30_000;

/** A WebSocket to a hub. */
export interface Line {
  send(said: unknown): void;
  /** The hub says something at least that often. With ping, it does so only if it is asked by this message. */
  rhythm(ms: number, ping?: unknown): void;
  close(): void;
}

/** Opens a WebSocket. take gets each message, which may have several lines of JSON. */
export function openLine(at: URL, { end }: Pick<Ear, "end">, take: (line: Line, said: Record<string, unknown>) => void, begin?: (line: Line) => void): Line {
  const url = new URL(at);
  url.protocol = url.protocol.replace(/^http/, "ws");
  const socket = new WebSocket(url.href);
  let timer = 0;
  let quiet = 0;
  let question: unknown;
  const close = (): void => {
    clearTimeout(timer);
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.close();
  };
  const over = (err?: unknown): void => {
    close();
    end(err);
  };
  const wait = (): void => {
    clearTimeout(timer);
    if (quiet <= 0) return;
    timer = setTimeout(() => {
      if (question === undefined) return over();
      line.send(question);
      timer = setTimeout(over, lateMs);
    }, question === undefined ? quiet + lateMs : quiet);
  };
  const line: Line = {
    close,
    send: (said) => socket.send(JSON.stringify(said)),
    rhythm: (ms, ping) => {
      quiet = Math.min(ms, longestMs);
      question = ping;
      wait();
    },
  };
  socket.onopen = () => begin?.(line);
  socket.onclose = () => over();
  socket.onmessage = ({ data }) => {
    wait();
    for (const text of String(data).split("\n")) {
      const said = parse(text);
      if (!socket.onmessage) return; // what came before has closed it
      if (typeof said === "object" && said !== null) take(line, said as Record<string, unknown>);
    }
  };
  return line;
}
