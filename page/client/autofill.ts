import { Refused, type Asking } from "./ceremony";

/** How long the browser offers passkeys before the server is asked for another challenge, in ms: one lasts five minutes. */
const lasts = 4 * 60_000;

/** Passkeys in the list that the browser shows at the field for the user name. Browsers without it do nothing. */
export class Autofill {
  private asking: AbortController | null = null;
  private ended: Promise<void> = Promise.resolve();

  /** signIn signs in and leaves the page. failed is told what was wrong with a passkey that was chosen. */
  constructor(
    private readonly signIn: (o: Asking) => Promise<void>,
    private readonly failed: (error: unknown) => void,
  ) {}

  start(): void {
    this.asking = new AbortController();
    this.ended = this.run(this.asking.signal);
  }

  /** Ends the offer: a browser asks for one passkey at a time. */
  async stop(): Promise<void> {
    this.asking?.abort();
    await this.ended;
  }

  private async run(stopped: AbortSignal): Promise<void> {
    const able = await PublicKeyCredential.isConditionalMediationAvailable?.().catch(() => false);
    while (able && !stopped.aborted) {
      const round = new AbortController();
      const end = (): void => round.abort();
      const timer = setTimeout(end, lasts);
      stopped.addEventListener("abort", end);
      try {
        return await this.signIn({ mediation: "conditional", signal: round.signal });
      } catch (error) {
        const chosen = error instanceof Refused && error.chosen;
        if (chosen) this.failed(error);
        else if (!round.signal.aborted) return; // it can't be offered here
      } finally {
        clearTimeout(timer);
        stopped.removeEventListener("abort", end);
      }
      await shown();
    }
  }
}

/** Waits until the page is in sight. */
function shown(): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    look();
  });
}
