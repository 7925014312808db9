import { orderlyEnd, refusal, streaming } from "./stream";
import { moved, Refused } from "./transport";

/** Listens to a WebSocket. Close codes are those of RFC 6455 and, from 4000 on, the server's own (docs/wire.md). */
export const webSocket = streaming((at, { message, end }, signal) => {
  const url = new URL(at);
  const http = new URL(at);
  url.protocol = url.protocol.replace(/^http/, "ws");
  http.protocol = http.protocol.replace(/^ws/, "http");
  const socket = new WebSocket(url.href);
  let opened = false;
  let heard = false;
  socket.onopen = () => (opened = true);
  socket.onmessage = (event) => {
    heard = true;
    message(event.data);
  };
  socket.onclose = ({ code, reason }) => {
    if (signal.aborted) return;
    if (!opened) refusal(http, signal).then(end, end);
    else if (code === 1008) end(new Refused(403, 0));
    else if (code === 4404) end(new Refused(404, 0));
    else if (code === 4503) end(moved(reason));
    else if (code === 1013) end(new Refused(503, 5000 + Math.random() * 10_000));
    else if (heard && goingAway.includes(code)) end(orderlyEnd());
    else end(new Error(`the WebSocket closed with ${code}`));
  };
  return {
    close: () => {
      socket.onclose = socket.onmessage = null;
      socket.close();
    },
    send: (text) => {
      if (opened) socket.send(text);
      else socket.addEventListener("open", () => socket.send(text));
    },
  };
});

/** A server that stops, restarts or has finished. 1005 and 1006 mean that there was no close message. */
const goingAway = [1000, 1001, 1005, 1006, 1012];
