import { signal, type ReadonlySignal } from "@preact/signals";
import { channelPath, type Api } from "./api";
import { Poll } from "./poll";
import { failureOf } from "./problem";
import type { ReadersNow } from "./types";

const everyMs = 5000;

/** How many readers a channel has now, and had at most. */
export class Readers {
  private readonly count = signal<ReadersNow | null>(null);
  private readonly poll: Poll;

  constructor(
    private readonly api: Api,
    readonly channel: string,
    life: AbortSignal,
  ) {
    this.poll = new Poll(everyMs, (signal) => this.ask(signal), life);
  }

  /** null: not known. */
  get now(): ReadonlySignal<ReadersNow | null> {
    return this.count;
  }

  stop(): void {
    this.poll.stop();
  }

  private async ask(signal: AbortSignal): Promise<number> {
    try {
      this.count.value = (await this.api.get<ReadersNow>(`${channelPath(this.channel)}/readers`, signal)).value;
    } catch (err) {
      const failure = failureOf(err);
      if (!signal.aborted) this.count.value = null;
      return failure.kind === "refused" ? 60_000 : failure.waitMs;
    }
    return 0;
  }
}
