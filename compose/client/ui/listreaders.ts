import { useEffect, useState } from "preact/hooks";
import type { Channel } from "../model";
import { program } from "../program";

/** How many channels of the list are asked for their readers. */
const most = 12;

/** The readers now of the first channels that go on. */
export function useReaders(list: Channel[]): Record<string, number> {
  const [counts, setCounts] = useState<Record<string, number>>({});
  const ids = list.filter((c) => !c.ended).slice(0, most).map((c) => c.id);
  useEffect(() => {
    const watched = ids.map((id) => {
      const readers = program.readers(id);
      const stop = readers.now.subscribe((now) => {
        if (now) setCounts((had) => (had[id] === now.now ? had : { ...had, [id]: now.now }));
      });
      return () => {
        stop();
        readers.stop();
      };
    });
    return () => watched.forEach((stop) => stop());
  }, [ids.join()]);
  return counts;
}
