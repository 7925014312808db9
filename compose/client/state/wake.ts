/** Lets those who wait for a time be woken before it. */
export class Wake {
  private readonly waiting = new Set<() => void>();

  wake(): void {
    for (const f of [...this.waiting]) f();
  }

  /** Resolves after ms, when wake is called, or when the signal aborts. */
  wait(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        this.waiting.delete(done);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, Math.min(ms, 2 ** 31 - 1));
      this.waiting.add(done);
      signal?.addEventListener("abort", done, { once: true });
    });
  }
}

/** Returns how long to wait after so many failures in a row: from one second to half a minute, more or less at random. */
export function backoffMs(failures: number, atLeast = 0): number {
  const ms = Math.min(1000 * 2 ** Math.max(failures - 1, 0), 30_000);
  return Math.max(ms * (0.75 + Math.random() / 2), atLeast);
}
