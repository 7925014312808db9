import { read } from "./dom";
import type { View } from "./view";

/** Loads older posts in place where the link to them is followed; without script the link is a page of its own. */
export function loadOlder(view: View, show: () => void): void {
  const link = document.querySelector<HTMLAnchorElement>("[data-live-older]");
  link?.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (link.getAttribute("aria-busy") === "true") return;
    link.setAttribute("aria-busy", "true");
    load(link, view)
      .then(show)
      .catch(() => location.assign(link.href))
      .finally(() => link.removeAttribute("aria-busy"));
  });
}

async function load(link: HTMLAnchorElement, view: View): Promise<void> {
  for (let tries = 0; tries < 5; tries++) {
    const url = new URL(link.href);
    if (view.floor) url.searchParams.set("before", `${view.floor.created}_${view.floor.id}`);
    const answer = await fetch(url, { cache: "no-cache", credentials: "same-origin" });
    if (!answer.ok) throw new Error(`older posts: ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const list = page.querySelector<HTMLElement>("#live-posts");
    if (!list) throw new Error("older posts: no list");
    // A page from before what is held could bring back a post that has been removed since.
    if (Number(list.dataset.revision) < view.revision) continue;
    const complete = list.dataset.complete === "true";
    view.addOlder(read(list), complete);
    const next = page.querySelector<HTMLAnchorElement>("[data-live-older]");
    link.hidden = complete || !next;
    if (next) link.href = new URL(next.getAttribute("href") ?? "", url).href;
    return;
  }
  throw new Error("older posts: the page does not keep up");
}
