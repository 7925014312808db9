/** What scrolls an element: the nearest box around it, or in it, that does, else the document. Shadow roots are no border. */
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

/** The part of the screen, in pixels from its top, in which an element can be seen as far as it is scrolled to. */
export function view(element: Element, scroller = scrollerOf(element)): { top: number; bottom: number } {
  if (scroller === document.scrollingElement) return { top: 0, bottom: window.innerHeight };
  const box = scroller.getBoundingClientRect();
  return { top: Math.max(0, box.top), bottom: Math.min(window.innerHeight, box.bottom) };
}

type Root = Document & { getSelection?(): Selection | null };

/** The document or shadow root that an element is in: each has its own focus and, in some browsers, selection. */
export function rootOf(element: Node): { activeElement: Element | null; selection: Selection | null } {
  const root = element.getRootNode() as Root;
  return { activeElement: root.activeElement ?? null, selection: root.getSelection?.() ?? document.getSelection() };
}
