import { view } from "./scroll";

/** Offers the way up to posts that came in above what is being read. */
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
  // Scrolling does not bubble, and what scrolls may be an element of the page.
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

/** How a script scrolls that the reader asked to. */
export function pace(): ScrollBehavior {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
}
