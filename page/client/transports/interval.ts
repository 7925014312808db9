import { ask, sleep, type Session } from "./transport";

const usual = 3000;

/** Asks every few seconds. The server says how often. */
export async function intervalPolling(s: Session): Promise<void> {
  for (;;) {
    const update = await ask(s);
    const again = s.deliver(update, true);
    const pause = again ? 1000 : update.next_poll_ms ?? usual;
    await sleep(pause * (0.9 + Math.random() * 0.2), s.signal);
  }
}
