import { hubsBy } from "./hubs";
import { byEventSource } from "./hubs/events";
import { intervalPolling } from "./interval";
import { longPolling } from "./long";
import { sse } from "./sse";
import type { Transport } from "./transport";
import { webSocket } from "./websocket";

/** The transports that this client knows, by the server's names. */
export const known: Readonly<Record<string, Transport>> = {
  sse,
  websocket: webSocket,
  "interval-polling": intervalPolling,
  "long-polling": longPolling,
  ...hubsBy(byEventSource),
};
