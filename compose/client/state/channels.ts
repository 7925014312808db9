import { signal, type ReadonlySignal } from "@preact/signals";
import type { Channel } from "../model";
import { asChannel, channelPath, type Api } from "./api";

/** What of a channel can be changed. */
export interface ChannelPatch {
  title?: string;
  ended?: string | null;
  access?: Channel["access"];
}

interface Page {
  channels: Channel[] | null;
  next: string | null;
}

/** How many requests one call of more or all makes at most. A page may have no channels that this person may see. */
const mostPages = 20;

/** The channels that this person may read. What it does needs the server; it rejects with a Failure. */
export class Channels {
  private readonly held = signal<Channel[]>([]);
  private readonly next = signal<string | null>("");
  private busy: Promise<void> | null = null;

  constructor(private readonly api: Api) {}

  /** Those that were loaded, in the order of their IDs. */
  get list(): ReadonlySignal<Channel[]> {
    return this.held;
  }

  /** Where the next page begins; null: all are loaded. */
  get more(): ReadonlySignal<string | null> {
    return this.next;
  }

  /** Loads the list anew. */
  async load(): Promise<void> {
    await this.busy;
    await this.pages("", 1, true);
  }

  /** Loads the next page that has something. */
  loadMore(): Promise<void> {
    return this.pages(this.next.peek(), mostPages, false);
  }

  /** Loads until a channel whose title or ID has this text is there, or all are. */
  async find(text: string): Promise<void> {
    const wanted = text.toLowerCase();
    const found = (): boolean => this.held.peek().some((c) => `${c.id} ${c.title}`.toLowerCase().includes(wanted));
    for (let n = 0; n < mostPages && this.next.peek() !== null && !found(); n++) await this.loadMore();
  }

  async get(id: string): Promise<Channel> {
    return this.take(asChannel((await this.api.get<Channel>(channelPath(id))).value));
  }

  async make(id: string, title: string, access: Channel["access"]): Promise<Channel> {
    return this.take(asChannel((await this.api.send<Channel>("POST", "channels", { body: { id, title, access } })).value));
  }

  async patch(id: string, body: ChannelPatch): Promise<Channel> {
    return this.take(asChannel((await this.api.send<Channel>("PATCH", channelPath(id), { body })).value));
  }

  /** Ends a channel now, or lets it go on. */
  end(id: string, ended: boolean): Promise<Channel> {
    return this.patch(id, { ended: ended ? new Date().toISOString() : null });
  }

  async remove(id: string): Promise<void> {
    await this.api.send("DELETE", channelPath(id));
    this.held.value = this.held.peek().filter((c) => c.id !== id);
  }

  private take(channel: Channel): Channel {
    const others = this.held.peek().filter((c) => c.id !== channel.id);
    this.held.value = [...others, channel].sort((a, b) => (a.id < b.id ? -1 : 1));
    return channel;
  }

  private pages(after: string | null, most: number, anew: boolean): Promise<void> {
    if (after === null) return Promise.resolve();
    return (this.busy ??= this.read(after, most, anew).finally(() => (this.busy = null)));
  }

  private async read(after: string, most: number, anew: boolean): Promise<void> {
    const found: Channel[] = [];
    let next: string | null = after;
    for (let n = 0; next !== null && n < most && !found.length; n++) {
      const query: string = next ? `?limit=100&after=${encodeURIComponent(next)}` : "?limit=100";
      const { value } = await this.api.get<Page>(`channels${query}`);
      found.push(...(value.channels ?? []).map(asChannel));
      next = value.next;
    }
    const all = new Map((anew ? [] : this.held.peek()).map((c) => [c.id, c]));
    for (const c of found) all.set(c.id, c);
    this.held.value = [...all.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    this.next.value = next;
  }
}
