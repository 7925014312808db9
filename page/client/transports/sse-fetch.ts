import type { Listen } from "./hubs/events";
import { notices, orderlyEnd, streaming } from "./stream";
import { moved, refused } from "./transport";

/** Listens to server-sent events by fetch, where there is no EventSource. */
export const sseByFetch = streaming((url, { message, end }) => {
  const life = new AbortController();
  let heard = false;
  const take = (data: string, type: string): void => {
    if (type === "transport") return end(moved(data));
    if (type && !notices.includes(type)) return;
    heard = true;
    message(data);
  };
  const over = (err?: unknown): void => end(heard ? orderlyEnd() : err ?? new Error("no stream"));
  read(url, life.signal, take).then(over, over);
  return { close: () => life.abort() };
});

/** Listens to a hub's event stream by fetch. */
export const listenByFetch: Listen = (url, { open, data, end }) => {
  const life = new AbortController();
  const over = (): void => end();
  read(url, life.signal, (text, type) => type || data(text), open).then(over, over);
  return () => life.abort();
};

/** Reads an event stream until it ends. */
async function read(url: URL, signal: AbortSignal, take: (data: string, type: string) => void, open?: () => void): Promise<void> {
  const answer = await fetch(url, { cache: "no-store", headers: { Accept: "text/event-stream" }, signal });
  if (!answer.ok) throw await refused(answer);
  if (!answer.body) throw new Error("no stream");
  open?.();
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  const feed = events((data, type) => {
    if (!signal.aborted) take(data, type); // one piece may have more events than were wanted
  });
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    feed(decoder.decode(value, { stream: true }));
  }
}

/**
 * Returns a function that takes the text of a stream piece by piece and calls data for each event with data (HTML, section
 * 9.2.6). type is empty for a plain message. The other fields do not matter: the cursor is in the update, and the client decides
 * when it returns.
 */
export function events(data: (text: string, type: string) => void): (piece: string) => void {
  let rest = "";
  let type = "";
  let event: string[] = [];
  return (piece) => {
    // A carriage return at the end may be followed by its line feed in the next piece.
    const lines = (rest + piece).split(/\r\n|\n|\r(?=[^])/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (/^data(:|$)/.test(line)) event.push(line.replace(/^data:? ?/, ""));
      if (/^event(:|$)/.test(line)) type = line.replace(/^event:? ?/, "");
      if (line) continue;
      if (event.length > 0) data(event.join("\n"), type === "message" ? "" : type);
      event = [];
      type = "";
    }
  };
}
