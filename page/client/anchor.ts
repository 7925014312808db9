/** Where a reader counts as being at the top, in pixels: new posts then push the list down. */
const atTop = 8;

/**
 * What the last scroll left over: browsers scroll by whole pixels, and without it a hundred changes would add up to a
 * drift that shows.
 */
let rest = { at: 0, by: 0 };

/**
 * Remembers what is being read, before the list changes. The function that it returns puts it back to where it was on
 * the screen. A reader who is at the top of the page and has nothing in hand follows the newest post instead.
 */
export function hold(list: HTMLElement, changed: ReadonlySet<Element>): () => void {
  const inHand = handled(list);
  if (window.scrollY <= atTop && !inHand) return () => undefined;
  const owed = rest.at === window.scrollY ? rest.by : 0;
  const candidates: { element: Element; top: number }[] = [];
  for (const element of list.querySelectorAll(".live-post-wrapper")) {
    const { top, bottom, height } = element.getBoundingClientRect();
    if (height === 0 || bottom <= 0 || top >= window.innerHeight) continue;
    candidates.push({ element, top: top - owed });
  }
  // An unchanged post before a changed one, a whole one before one that is cut off above, the upper before the lower.
  const rank = (c: { element: Element; top: number }): number =>
    (c.element === inHand ? 0 : 4) + (changed.has(c.element) ? 2 : 0) + (c.top < 0 ? 1 : 0);
  candidates.sort((a, b) => rank(a) - rank(b) || a.top - b.top);
  const after = list.nextElementSibling; // where the reader is past the list, what follows it stands still
  if (candidates.length === 0 && after) candidates.push({ element: after, top: after.getBoundingClientRect().top - owed });

  const root = document.documentElement;
  root.style.overflowAnchor = "none"; // the browser's own anchoring would move a second time
  return () => {
    for (const { element, top } of candidates) {
      const now = element.getBoundingClientRect();
      if (!element.isConnected || now.height === 0) continue;
      if (now.top !== top) window.scrollBy({ top: now.top - top, behavior: "instant" as ScrollBehavior });
      const left = element.getBoundingClientRect().top - top;
      rest = { at: window.scrollY, by: Math.abs(left) < 1 ? left : 0 }; // more is the document's end
      break;
    }
    requestAnimationFrame(() => (root.style.overflowAnchor = ""));
  };
}

/** The post that has the focus, a selection or playing media. */
function handled(list: HTMLElement): Element | null {
  const selection = document.getSelection();
  const selected = selection && !selection.isCollapsed ? selection.anchorNode : null;
  const playing = [...list.querySelectorAll<HTMLMediaElement>("video, audio")].find((media) => !media.paused);
  for (const node of [selected, document.activeElement, playing ?? null]) {
    const element = node instanceof Element ? node : node?.parentElement;
    const wrapper = element?.closest(".live-post-wrapper");
    if (wrapper && list.contains(wrapper)) return wrapper;
  }
  return null;
}
