import { ask, sleep, type Session } from "./transport";

/**
 * Asks, and the server answers when there is news. The first request is not held: its answer shows that the transport
 * works.
 */
export async function longPolling(s: Session): Promise<void> {
  for (let first = true; ; first = false) {
    const began = Date.now();
    const update = await ask(s, first ? { hold: "0" } : {}, "no-store");
    const again = s.deliver(update, true);
    const empty = update.from === update.revision && !update.reset;
    let pause = update.next_poll_ms ?? 0;
    // A server that does not hold requests must not be asked in a tight loop.
    if (again || (!first && empty && Date.now() - began < 500)) pause = Math.max(pause, 1000);
    if (pause > 0) await sleep(pause * (0.9 + Math.random() * 0.2), s.signal);
  }
}
