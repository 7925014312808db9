import { sleep } from "./transports/transport";

/** Tells screen readers about new posts, at most once a second. It does not interrupt what is being read. */
export function announcer(
  element: HTMLElement | null | undefined,
  signal: AbortSignal,
  words: (count: number) => string,
): (count: number) => void {
  let pending = 0;
  return (count) => {
    if (count === 0 || !element) return;
    pending += count;
    if (pending > count) return;
    const say = (): void => {
      element.textContent = words(pending);
      pending = 0;
    };
    sleep(1000, signal).then(say, () => undefined);
  };
}
