import { ask, sleep, type Session } from "./transport";

/**
 * Asks, and the server answers when there is news. The first request is not held: its answer shows that the transport
 * works. A request names its round, which the last answer has if it brought nothing. So all readers at a cursor ask for one
 * URL, which a shared cache can ask for once, and none asks for the same URL again (docs/wire.md).
 */
export async function longPolling(s: Session): Promise<void> {
  let round = 0;
  for (let first = true; ; first = false) {
    const began = Date.now();
    const cursor = s.cursor();
    const query: Record<string, string> = { round: String(round) };
    if (first) query.hold = "0";
    const update = await ask(s, query, "no-store");
    const again = s.deliver(update, true);
    const before = round;
    if (s.cursor() !== cursor) round = 0;
    else if (Number.isSafeInteger(update.next_round)) round = Math.max(round, update.next_round ?? 0);
    let pause = update.next_poll_ms ?? 0;
    // Neither a server that does not hold requests nor a cache with an old answer must be asked in a tight loop.
    const same = s.cursor() === cursor && round === before;
    if (again || (!first && same && Date.now() - began < 500)) pause = Math.max(pause, 1000);
    if (pause > 0) await sleep(pause * (0.9 + Math.random() * 0.2), s.signal);
  }
}
