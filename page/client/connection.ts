import { Group, groupNamed, nameOf } from "./group";
import type { Times } from "./ladder";
import type { Member } from "./members";
import { mustPause, watch } from "./surroundings";
import type { Transport } from "./transports/transport";
import type { Update } from "./update";

export type Status = "connecting" | "live" | "reconnecting" | "paused" | "offline" | "gone" | "refused" | "blocked";

export interface ConnectionOptions extends Times {
  channel: string;
  /** Where the server lists its transports. */
  transportsURL: URL;
  /** Connections are shared only with the same shareAs. */
  shareAs?: string;
  transports: Readonly<Record<string, Transport>>;
  cursor(): number;
  deliver(update: Update, asked: boolean): boolean;
  onStatus(status: Status): void;
}

/** Follows a channel, in a page only while it is visible. It shares connections with all others in the pages of one browser. */
export class Connection {
  private readonly name: string;
  private readonly member: Member;
  private readonly events = new AbortController();
  private group: Group | null = null;
  private joined = false;
  private stopped = false;
  private hasBeenLive = false;

  constructor(private readonly o: ConnectionOptions) {
    this.name = nameOf(o.transportsURL, o.channel, o.shareAs);
    this.member = {
      channel: o.channel,
      list: o.transportsURL,
      times: o,
      cursor: o.cursor,
      deliver: (update, asked) => this.joined && o.deliver(update, asked),
      tell: (status) => this.tell(status),
      end: (status) => this.stop(status),
    };
  }

  start(): void {
    watch({ signal: this.events.signal, changed: () => this.check(), left: () => this.pause("paused") });
    this.check();
  }

  /** Ends the connection for good. */
  stop(status: Status): void {
    this.stopped = true;
    this.events.abort();
    this.pause(status);
  }

  private check(): void {
    if (this.stopped) return;
    const why = mustPause();
    if (why) this.pause(why);
    else if (!this.joined) this.join();
  }

  private join(): void {
    const { transports } = this.o;
    this.joined = true;
    this.group = groupNamed(this.name, transports) ?? this.group ?? new Group(this.name, transports);
    this.tell("connecting");
    this.group.join(this.member);
  }

  private pause(status: Status): void {
    if (this.joined) this.group?.leave(this.member);
    this.joined = false;
    this.o.onStatus(status);
  }

  private tell(status: Status): void {
    this.hasBeenLive ||= status === "live";
    this.o.onStatus(status === "connecting" && this.hasBeenLive ? "reconnecting" : status);
  }
}
