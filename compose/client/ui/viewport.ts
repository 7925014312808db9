import { signal } from "@preact/signals";

export type Width = "phone" | "two" | "three";

const wide = matchMedia("(min-width: 1300px)");
const medium = matchMedia("(min-width: 900px)");
const measure = (): Width => (wide.matches ? "three" : medium.matches ? "two" : "phone");

/** How many columns there is room for. */
export const width = signal<Width>(measure());
for (const query of [wide, medium]) query.addEventListener("change", () => (width.value = measure()));

/**
 * Keeps the program in the part of the window that the virtual keyboard leaves, so that what is at the bottom, such as the
 * button to publish, stays in sight. Some browsers make the page itself smaller, others only tell by visualViewport.
 */
export function followKeyboard(): void {
  const view = window.visualViewport;
  if (!view) return;
  const root = document.documentElement;
  let largest = 0;
  let last = 0;
  const update = (): void => {
    if (view.scale > 1.01) return; // the person has zoomed in: leave the page as it is
    if (Math.abs(view.width - last) > 1) largest = 0;
    last = view.width;
    largest = Math.max(largest, view.height);
    root.style.setProperty("--app-height", `${view.height}px`);
    root.style.setProperty("--app-top", `${view.offsetTop}px`);
    root.classList.toggle("keyboard-open", largest - view.height > 140 && width.value === "phone");
  };
  view.addEventListener("resize", update);
  view.addEventListener("scroll", update);
  update();
}
