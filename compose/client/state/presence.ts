import { signal, type ReadonlySignal } from "@preact/signals";
import { channelPath, type Api } from "./api";
import { Poll } from "./poll";
import { failureOf } from "./problem";
import type { EditorHere } from "./types";

const everyMs = 5000;

/** Says what this tab has open, and who else is on the channel. */
export class Presence {
  private readonly here = signal<EditorHere[]>([]);
  private readonly poll: Poll;
  private post: string | null = null;
  private draft: string | null = null;

  constructor(
    private readonly api: Api,
    readonly channel: string,
    private readonly tab: string,
    life: AbortSignal,
  ) {
    this.poll = new Poll(everyMs, (signal) => this.say(signal), life);
  }

  /** Everybody who is there, this tab too: its `tab` is the state's. */
  get editors(): ReadonlySignal<EditorHere[]> {
    return this.here;
  }

  /** Says which post or draft is open. */
  open({ post = null, draft = null }: { post?: string | null; draft?: string | null }): void {
    if (post === this.post && draft === this.draft) return;
    this.post = post;
    this.draft = draft;
    void this.poll.now();
  }

  stop(): void {
    this.poll.stop();
  }

  private async say(signal: AbortSignal): Promise<number> {
    const { tab, post, draft } = this;
    try {
      const body = { tab, post, draft };
      const answer = await this.api.send<{ editors: EditorHere[] }>("PUT", `${channelPath(this.channel)}/editors`, { body, signal });
      this.here.value = answer.value.editors;
    } catch (err) {
      const failure = failureOf(err);
      if (!signal.aborted) this.here.value = [];
      return failure.kind === "refused" ? 60_000 : failure.waitMs;
    }
    return 0;
  }
}
