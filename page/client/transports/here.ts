import { known } from "./index";
import { hubsBy } from "./hubs";
import { listenByFetch, sseByFetch } from "./sse-fetch";
import type { Transport } from "./transport";

/** What needs WebSocket, and has no other way. */
const needSocket = ["websocket", "pusher"];

/** The known transports that work where this module runs. Node.js has no EventSource, and before version 22 no WebSocket. */
export const here: Readonly<Record<string, Transport>> = Object.fromEntries(
  Object.entries({ ...known, ...(typeof EventSource === "function" ? {} : { sse: sseByFetch, ...hubsBy(listenByFetch) }) })
    .filter(([name]) => typeof WebSocket === "function" || !needSocket.includes(name)),
);
