import { orderlyEnd, refusal, stream, streamURL } from "./stream";
import { moved, type Session } from "./transport";

/**
 * Listens to an EventSource. It makes a new one for each connection. A browser that reconnects by itself uses the cursor
 * of its first request, and ends for good at any status but 200.
 */
export function sse(s: Session): Promise<void> {
  const url = streamURL(s);
  return stream(s, ({ message, end }) => {
    const source = new EventSource(url.href);
    let heard = false;
    source.onmessage = (event) => {
      heard = true;
      message(event.data);
    };
    source.addEventListener("transport", (event) => end(moved((event as MessageEvent).data)));
    source.onerror = () => {
      const refused = source.readyState === EventSource.CLOSED;
      source.close();
      if (refused) refusal(url, s).then(end, end);
      else end(heard ? orderlyEnd() : new Error("no stream"));
    };
    return () => source.close();
  });
}
