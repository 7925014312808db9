import { resolve } from "../../server";
import { isObject } from "../../update";
import type { Dial, Ear, Ticket } from "../hub";
import { refused, type Session } from "../transport";
import { parse } from "./events";
import { openLine, type Line } from "./socket";

/** Follows a hub that speaks version 7 of Pusher's protocol (pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol). */
export const pusher: Dial = (ticket, ear, s, of) => {
  const { channel = "" } = ticket;
  const url = new URL(ticket.url, s.url);
  url.searchParams.set("protocol", "7");
  const subscribe = (line: Line, auth?: unknown): void => line.send({ event: "pusher:subscribe", data: { channel, auth } });
  return openLine(url, ear, (line, { event, channel: at, data: told }) => {
    const data = typeof told === "string" ? parse(told) : told; // JSON in JSON
    const said = isObject(data) ? data : {};
    if (typeof event !== "string") return;
    if (event === "pusher:connection_established") {
      line.rhythm(Math.max(Number(said.activity_timeout) || 120, 10) * 1000, { event: "pusher:ping", data: {} });
      if (!ticket.auth) return subscribe(line);
      permit(ticket, String(said.socket_id), of, ear, s).then((auth) => ear.signal.aborted || subscribe(line, auth), ear.end);
    } else if (event === "pusher:ping") line.send({ event: "pusher:pong", data: {} });
    else if (event === "pusher:error") ear.end(new Error(`the hub answers with error ${String(said.code)}`));
    else if (at !== channel) return;
    else if (event === "pusher_internal:subscription_succeeded") ear.ready();
    else if (event === "pusher:subscription_error") ear.end(new Error("the hub does not let this reader subscribe"));
    else if (!/^(pusher|client-)/.test(event)) ear.message(data); // what begins with client- is what other readers say
  }).close;
};

/** Asks the server to permit the subscription of this connection to a channel of the server. */
async function permit({ auth = "", channel = "" }: Ticket, socket: string, of: string, { signal }: Ear, s: Session): Promise<unknown> {
  const url = resolve(auth, s.server ?? new URL("/", s.url), s.url);
  const body = new URLSearchParams({ socket_id: socket, channel_name: channel, channel_id: of });
  const answer = await fetch(url, { method: "POST", body, credentials: "same-origin", signal });
  if (!answer.ok) throw await refused(answer);
  const permitted: unknown = await answer.json();
  return isObject(permitted) ? permitted.auth : undefined;
}
