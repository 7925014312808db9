import { view } from "./scroll";

/** Shows a button that leads up to new posts, if they are above what is being read. */
export function newPosts(
  button: HTMLButtonElement | null | undefined,
  signal: AbortSignal,
  words: (count: number) => string,
  toTop: () => void,
): (fresh: HTMLElement[]) => void {
  if (!button) return () => undefined;
  const unseen = new Set<HTMLElement>();
  const tell = (): void => {
    for (const wrapper of unseen) if (!above(wrapper)) unseen.delete(wrapper);
    button.hidden = unseen.size === 0;
    if (unseen.size > 0) button.textContent = `↑ ${words(unseen.size)}`;
  };
  tell();
  button.addEventListener("click", () => {
    unseen.clear();
    tell();
    toTop();
  }, { signal });
  // Scroll events do not bubble, and any element of the page may be what scrolls.
  window.addEventListener("scroll", () => unseen.size > 0 && tell(), { passive: true, capture: true, signal });
  return (fresh) => {
    for (const wrapper of fresh) if (above(wrapper)) unseen.add(wrapper);
    tell();
  };
}

function above(wrapper: HTMLElement): boolean {
  if (!wrapper.isConnected || wrapper.hidden) return false;
  return wrapper.getBoundingClientRect().bottom <= Math.max(0, view(wrapper).top);
}

/** Returns how a script scrolls at the reader's request. */
export function pace(): ScrollBehavior {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
}
