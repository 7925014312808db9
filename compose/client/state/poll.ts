/** Does something again and again while the page is visible and there is a net. */
export class Poll {
  private timer = 0;
  private busy: Promise<void> | null = null;
  private readonly life = new AbortController();

  /** work returns how many ms to wait at least before the next time, or nothing. */
  constructor(
    private readonly everyMs: number,
    private readonly work: (signal: AbortSignal) => Promise<number | void>,
    signal: AbortSignal,
  ) {
    const stop = (): void => this.stop();
    signal.addEventListener("abort", stop, { once: true });
    this.life.signal.addEventListener("abort", () => signal.removeEventListener("abort", stop));
    const events = { signal: this.life.signal };
    document.addEventListener("visibilitychange", () => this.look(), events);
    addEventListener("online", () => this.look(), events);
    if (signal.aborted) this.stop();
    else this.look();
  }

  /** Does it now, and once more if it is being done at this moment. Resolves when it is done. */
  async now(): Promise<void> {
    await this.busy;
    await this.run();
  }

  stop(): void {
    this.life.abort();
    clearTimeout(this.timer);
  }

  private look(): void {
    if (document.visibilityState === "visible" && navigator.onLine && !this.busy) void this.run();
  }

  private run(): Promise<void> {
    clearTimeout(this.timer);
    const { signal } = this.life;
    if (signal.aborted) return Promise.resolve();
    return (this.busy ??= (async () => {
      let wait: number | void = 0;
      try {
        wait = await this.work(signal);
      } finally {
        this.busy = null;
        if (!signal.aborted) this.timer = setTimeout(() => this.look(), Math.max(this.everyMs, wait ?? 0));
      }
    })());
  }
}
