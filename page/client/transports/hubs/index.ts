import { hub } from "../hub";
import type { Transport } from "../transport";
import { centrifugo } from "./centrifugo";
import { eventStream, type Listen } from "./events";
import { pusher } from "./pusher";

/** Returns the transports of all hubs, by the server's names. The ticket says which protocol to speak. */
export function hubsBy(listen: Listen): Readonly<Record<string, Transport>> {
  const stream = eventStream(listen);
  const any = hub({ mercure: stream, nchan: stream, centrifugo: centrifugo(listen), pusher });
  return { mercure: any, centrifugo: any, pusher: any, nchan: any };
}
