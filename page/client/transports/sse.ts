import { notices, orderlyEnd, refusal, streaming } from "./stream";
import { moved } from "./transport";

/**
 * Listens to an EventSource. It makes a new one for each connection. A browser that reconnects by itself uses the cursor
 * of its first request, and ends for good at any status but 200.
 */
export const sse = streaming((url, { message, end }, signal) => {
  const source = new EventSource(url.href);
  let heard = false;
  const hear = (event: MessageEvent): void => {
    heard = true;
    message(event.data);
  };
  for (const type of ["message", ...notices]) source.addEventListener(type, (event) => hear(event as MessageEvent));
  source.addEventListener("transport", (event) => end(moved((event as MessageEvent).data)));
  source.onerror = () => {
    const refused = source.readyState === EventSource.CLOSED;
    source.close();
    if (refused) refusal(url, signal).then(end, end);
    else end(heard ? orderlyEnd() : new Error("no stream"));
  };
  return source;
});
