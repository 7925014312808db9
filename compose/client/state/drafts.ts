import { signal, type ReadonlySignal } from "@preact/signals";
import { channelPath, draftPath, type Api } from "./api";
import type { Outbox } from "./outbox";
import { Poll } from "./poll";
import { failureOf } from "./problem";
import type { Draft, Problem } from "./types";

const everyMs = 5000;
const mostPages = 50;
/** What was published stays for a month, and there may be much more of it. */
const open = "draft submitted returned scheduled publishing".split(" ").map((state) => `&state=${state}`).join("");

interface Page {
  drafts: Draft[];
  next: string | null;
}

/** The drafts of a channel that this person may see and that are not published, the newest first. Asks every 5 s while the page is visible, and after own changes. */
export class Drafts {
  private readonly held = signal<Draft[] | null>(null);
  private readonly wrong = signal<Problem | null>(null);
  private readonly poll: Poll;
  private readonly unlisten: () => void;

  constructor(
    private readonly api: Api,
    readonly channel: string,
    outbox: Outbox,
    life: AbortSignal,
  ) {
    this.poll = new Poll(everyMs, (signal) => this.load(signal), life);
    this.unlisten = outbox.onSettled(({ change }) => {
      if (change.channel === channel && change.kind.startsWith("draft")) void this.poll.now();
    });
  }

  /** null: not known yet. */
  get list(): ReadonlySignal<Draft[] | null> {
    return this.held;
  }

  /** Why the list is not the newest. */
  get problem(): ReadonlySignal<Problem | null> {
    return this.wrong;
  }

  async get(id: string): Promise<Draft> {
    return (await this.api.get<Draft>(draftPath(this.channel, id))).value;
  }

  /** Asks now. */
  refresh(): Promise<void> {
    return this.poll.now();
  }

  stop(): void {
    this.poll.stop();
    this.unlisten();
  }

  /** A long list is asked for less often. */
  private async load(signal: AbortSignal): Promise<number> {
    const all: Draft[] = [];
    let pages = 0;
    try {
      for (let after: string | null = ""; after !== null && pages < mostPages; pages++) {
        const query: string = `?limit=100${open}${after ? `&after=${encodeURIComponent(after)}` : ""}`;
        const { value } = await this.api.get<Page>(`${channelPath(this.channel)}/drafts${query}`, signal);
        all.push(...value.drafts);
        after = value.next;
      }
    } catch (err) {
      if (signal.aborted) return 0;
      const failure = failureOf(err);
      this.wrong.value = failure.problem;
      return failure.waitMs;
    }
    this.wrong.value = null;
    const next = all.reverse();
    if (JSON.stringify(next) !== JSON.stringify(this.held.peek())) this.held.value = next;
    return pages * everyMs;
  }
}
