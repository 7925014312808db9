import { notices, orderlyEnd, streaming } from "./stream";
import { moved, refused } from "./transport";

/** Listens to server-sent events by fetch, where there is no EventSource. */
export const sseByFetch = streaming((url, { message, end }) => {
  const life = new AbortController();
  let heard = false;
  const read = async (): Promise<void> => {
    const answer = await fetch(url, { cache: "no-store", headers: { Accept: "text/event-stream" }, signal: life.signal });
    if (!answer.ok) throw await refused(answer);
    if (!answer.body) throw new Error("no stream");
    const reader = answer.body.getReader();
    const decoder = new TextDecoder();
    const take = events((data, type) => {
      if (life.signal.aborted) return; // one piece may have more events than were wanted
      if (type === "transport") return end(moved(data));
      if (type && !notices.includes(type)) return;
      heard = true;
      message(data);
    });
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      take(decoder.decode(value, { stream: true }));
    }
  };
  const over = (err?: unknown): void => end(heard ? orderlyEnd() : err ?? new Error("no stream"));
  read().then(over, over);
  return { close: () => life.abort() };
});

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
