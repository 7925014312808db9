import { listFor, usable, type ChannelOptions } from "./follow";
import { offersIn } from "./lists";
import { resolve, serverOf } from "./server";
import { refused, type Transport } from "./transports/transport";
import { isUpdate, type Update } from "./update";
import { View } from "./view";

export interface SnapshotOptions extends ChannelOptions {
  /** Ends the request, such as AbortSignal.timeout(2000). */
  signal?: AbortSignal;
}

/** These are asked first: their answers are short, and interval polling's may come from a cache. */
const preferred = ["interval-polling", "long-polling", "sse", "websocket"];

/** Returns the newest page of a channel, from the first transport that has it. */
export async function snapshot(o: SnapshotOptions): Promise<Update> {
  const list = listFor(o);
  const transports = usable(o);
  const { signal } = o;
  const answer = await fetch(list, { cache: "no-cache", credentials: "same-origin", signal });
  if (!answer.ok) throw await refused(answer);
  const offers = offersIn(await answer.json())
    .filter(({ name }) => name in transports)
    .sort((a, b) => rank(a.name) - rank(b.name));
  let failure: unknown = new Error("the server offers no transport that this client knows");
  for (const { name, url } of offers) {
    try {
      return await first(transports[name] as Transport, resolve(url, serverOf(list), list), signal);
    } catch (err) {
      if (signal?.aborted) throw err;
      failure = err;
    }
  }
  throw failure;
}

function rank(name: string): number {
  const place = preferred.indexOf(name);
  return place < 0 ? preferred.length : place;
}

/** Runs a transport until its first update, which is a reset because there is no cursor. */
async function first(transport: Transport, url: URL, signal?: AbortSignal): Promise<Update> {
  const inner = new AbortController();
  const stop = (): void => inner.abort();
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  let update: Update | undefined;
  const deliver = (u: Update): boolean => {
    update ??= u;
    stop();
    return false;
  };
  try {
    await transport({ url, signal: inner.signal, silenceMs: 45_000, cursor: () => 0, deliver });
  } catch (err) {
    if (!update) throw signal?.aborted ? signal.reason : err;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
  if (!update?.reset) throw new Error("the first update is no reset");
  return update;
}

/**
 * Returns the HTML of a snapshot's visible posts, newest first. Put inside <live-posts>, it is shown until the element has
 * started, and the element continues from it.
 */
export function snapshotHTML(update: Update): string {
  if (!isUpdate(update) || !update.reset) throw new TypeError("snapshotHTML takes an update with reset");
  const view = new View();
  view.apply(update, true);
  const posts = view.posts().filter((post) => post.show).reverse();
  const data = attributes({
    channel: update.channel, revision: view.revision, complete: view.complete,
    title: view.title || undefined, ended: view.ended ?? undefined,
  });
  const wrappers = posts.map(({ content, created, modified, revision, pinned }) => {
    const own = attributes({ created, modified, revision, pinned });
    return `<div class="live-post-wrapper" role="article" tabindex="-1"${own}>${content}</div>\n`;
  });
  return `<div${data}>\n${wrappers.join("")}</div>`;
}

/** Returns data attributes, without those that are undefined. */
function attributes(data: Record<string, string | number | boolean | undefined>): string {
  return Object.entries(data)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` data-${name}="${escape(String(value))}"`)
    .join("");
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (c) => entities[c] ?? c);
}
