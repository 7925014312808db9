/** Returns what scrolls an element: the nearest box that scrolls, through shadow roots too, or the document. */
export function scrollerOf(element: Element): Element {
  for (let e: Element | null = element; e && e !== document.body && e !== document.documentElement; e = outer(e)) {
    if (/auto|scroll|overlay/.test(getComputedStyle(e).overflowY) && e.scrollHeight > e.clientHeight) return e;
  }
  return document.scrollingElement ?? document.documentElement;
}

function outer(element: Element): Element | null {
  if (element.assignedSlot) return element.assignedSlot;
  const root = element.parentElement ?? element.getRootNode();
  return root instanceof ShadowRoot ? root.host : root instanceof Element ? root : null;
}

/** Returns the part of the screen in which an element can be seen, in pixels from the top of the screen. */
export function view(element: Element, scroller = scrollerOf(element)): { top: number; bottom: number } {
  if (scroller === document.scrollingElement) return { top: 0, bottom: window.innerHeight };
  const box = scroller.getBoundingClientRect();
  return { top: Math.max(0, box.top), bottom: Math.min(window.innerHeight, box.bottom) };
}

type Root = Document & { getSelection?(): Selection | null };

/** Returns focus and selection of an element's document or shadow root. A shadow root has its own focus and, in some browsers, its own selection. */
export function rootOf(element: Node): { activeElement: Element | null; selection: Selection | null } {
  const root = element.getRootNode() as Root;
  return { activeElement: root.activeElement ?? null, selection: root.getSelection?.() ?? document.getSelection() };
}
