import { known } from "./index";
import { sseByFetch } from "./sse-fetch";
import type { Transport } from "./transport";

/** The known transports that work where this module runs. Node.js has no EventSource, and before version 22 no WebSocket. */
export const here: Readonly<Record<string, Transport>> = Object.fromEntries(
  Object.entries(known)
    .filter(([name]) => name !== "websocket" || typeof WebSocket === "function")
    .map(([name, transport]) => [name, name === "sse" && typeof EventSource !== "function" ? sseByFetch : transport]),
);
