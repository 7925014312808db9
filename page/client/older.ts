import { read } from "./dom";
import { parsePage } from "./html";
import type { OlderQuery, View } from "./view";

/** Returns the URL of the server's page with the posts that a query asks for. */
export function olderURL(query: OlderQuery, channelPage: URL): URL {
  const url = new URL(channelPage);
  url.searchParams.set("before", `${query.before.created}_${query.before.id}`);
  return url;
}

/**
 * Loads posts below those that a view holds from the server's page of them. If the view holds all of that page already,
 * as it may hold pinned posts, loads the next one.
 */
export async function loadOlder(view: View, channelPage: URL, signal: AbortSignal): Promise<void> {
  for (let refused = 0; refused < 5; ) {
    const query = view.older();
    if (!query) return;
    const list = await olderList(query, channelPage, signal);
    const posts = read(list);
    const held = view.posts().length;
    // If the view had a reset meanwhile, or the page is too old, the view refuses it.
    if (!view.addOlder(query, Number(list.dataset.revision), posts, list.dataset.complete === "true")) refused++;
    else if (!posts.length || view.posts().length > held) return;
  }
  throw new Error("older posts: the pages do not fit the view");
}

/** Returns the list of a page of older posts. A server without pages for channels has them at older, below the channel. */
async function olderList(query: OlderQuery, channelPage: URL, signal: AbortSignal): Promise<HTMLElement> {
  let failure: unknown;
  for (const page of [channelPage, new URL(`${channelPage.pathname}/older`, channelPage)]) {
    try {
      const answer = await fetch(olderURL(query, page), { cache: "no-cache", credentials: "same-origin", signal });
      const list = answer.ok ? parsePage(await answer.text()).querySelector<HTMLElement>("#live-posts") : null;
      if (list) return list;
      failure = new Error(`older posts: ${answer.ok ? "no list" : answer.status}`);
      if (!answer.ok && answer.status !== 404) break;
    } catch (err) {
      failure = err; // also where there is no such page: a browser does not show a page of another site its 404
    }
  }
  throw failure;
}
