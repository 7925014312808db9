import { read } from "./dom";
import { parsePage } from "./html";
import type { View } from "./view";

/** The page of the posts below those that a view holds, or null where there are none. */
export function olderURL(view: View, channelPage: URL): URL | null {
  if (view.complete || !view.floor || view.gone) return null;
  const url = new URL(channelPage);
  url.searchParams.set("before", `${view.floor.created}_${view.floor.id}`);
  return url;
}

/** Loads the posts below those that a view holds, from the server's page of them. */
export async function loadOlder(view: View, channelPage: URL, signal: AbortSignal): Promise<void> {
  for (let tries = 0; tries < 5; tries++) {
    const url = olderURL(view, channelPage);
    if (!url) return;
    const answer = await fetch(url, { cache: "no-cache", credentials: "same-origin", signal });
    if (!answer.ok) throw new Error(`older posts: ${answer.status}`);
    const list = parsePage(await answer.text()).querySelector<HTMLElement>("#live-posts");
    if (!list) throw new Error("older posts: no list");
    // A page from before what is held could bring back a post that has been removed since.
    if (Number(list.dataset.revision) < view.revision) continue;
    view.addOlder(read(list), list.dataset.complete === "true");
    return;
  }
  throw new Error("older posts: the page does not keep up");
}
