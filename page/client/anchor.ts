import { rootOf, scrollerOf, view } from "./scroll";

/** A reader that has scrolled at most so many pixels from the top counts as being at the top. */
export const atTop = 8;

/** Reports whether the reader follows the newest post. New posts then push the list down. */
export type Follows = (list: HTMLElement, scroller: Element) => boolean;

/** On a page of this server: at the top of the page. */
export const topOfPage: Follows = (_, scroller) => scroller.scrollTop <= atTop;

/** On a page of another site: at the top of the list. What is above the list must not move either. */
export const topOfList: Follows = (list, scroller) =>
  scroller === list
    ? scroller.scrollTop <= atTop
    : list.getBoundingClientRect().top >= view(list, scroller).top - atTop;

/**
 * What the last scroll left over. Browsers scroll by whole pixels. Without the rest, a hundred changes would add up to a
 * visible drift.
 */
let rest: { of: Element | null; at: number; by: number } = { of: null, at: 0, by: 0 };

interface Candidate {
  element: Element;
  edge: "top" | "bottom";
  at: number;
}

/**
 * Remembers what is being read before the list changes. The returned function puts it back to its place on the screen.
 * A reader that follows, and has no focus, selection or playing media in a post, sees the newest post instead.
 */
export function hold(list: HTMLElement, changed: ReadonlySet<Element>, follows: Follows): () => void {
  const inHand = handled(list);
  const scroller = scrollerOf(list);
  if (!inHand && follows(list, scroller)) return () => undefined;
  const owed = rest.of === scroller && rest.at === scroller.scrollTop ? rest.by : 0;
  const seen = view(list, scroller);
  const candidates: Candidate[] = [];
  for (const element of list.querySelectorAll(".live-post-wrapper")) {
    const { top, bottom, height } = element.getBoundingClientRect();
    if (height === 0 || bottom <= seen.top || top >= seen.bottom) continue;
    candidates.push({ element, edge: "top", at: top - owed });
  }
  // Unchanged posts come before changed posts, whole posts before posts that are cut off above, upper before lower.
  const rank = (c: Candidate): number =>
    (c.element === inHand ? 0 : 4) + (changed.has(c.element) ? 2 : 0) + (c.at < seen.top ? 1 : 0);
  candidates.sort((a, b) => rank(a) - rank(b) || a.at - b.at);
  // If the reader has scrolled past the list, what follows the list stands still.
  const { bottom } = list.getBoundingClientRect();
  if (candidates.length === 0 && bottom <= seen.bottom) candidates.push({ element: list, edge: "bottom", at: bottom - owed });

  const style = (scroller === document.scrollingElement ? document.documentElement : (scroller as HTMLElement)).style;
  style.overflowAnchor = "none"; // the browser's own anchoring would move a second time
  return () => {
    for (const { element, edge, at } of candidates) {
      const now = element.getBoundingClientRect();
      if (!element.isConnected || now.height === 0) continue;
      if (now[edge] !== at) scroller.scrollBy({ top: now[edge] - at, behavior: "instant" as ScrollBehavior });
      const left = element.getBoundingClientRect()[edge] - at;
      rest = { of: scroller, at: scroller.scrollTop, by: Math.abs(left) < 1 ? left : 0 }; // a larger rest is the document's end
      break;
    }
    requestAnimationFrame(() => (style.overflowAnchor = ""));
  };
}

/** The post that has the focus, a selection or playing media. */
function handled(list: HTMLElement): Element | null {
  const { activeElement, selection } = rootOf(list);
  const selected = selection && !selection.isCollapsed ? selection.anchorNode : null;
  const playing = [...list.querySelectorAll<HTMLMediaElement>("video, audio")].find((media) => !media.paused);
  for (const node of [selected, activeElement, playing ?? null]) {
    const element = node instanceof Element ? node : node?.parentElement;
    const wrapper = element?.closest(".live-post-wrapper");
    if (wrapper && list.contains(wrapper)) return wrapper;
  }
  return null;
}
