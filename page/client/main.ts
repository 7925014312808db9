// The entry of the live page, and the client for pages with their own markup.
import { topOfPage } from "./anchor";
import type { Status } from "./connection";
import { pace } from "./fresh";
import type { Labels } from "./labels";
import { offerNotifications } from "./notify";
import { Reader } from "./reader";
import { lead, serverOf } from "./server";
import { tellTimes } from "./times";
import { known } from "./transports";
import type { Transport } from "./transports/transport";
import type { Held, Update } from "./update";
import { View } from "./view";
import { labelsOf, wordsOfPage } from "./words";

export { View, known, tellTimes };
export type { Held, Labels, Status, Transport, Update };

export interface ConnectOptions {
  /** More transports than the known ones, by the server's names. */
  transports?: Record<string, Transport>;
  /** Texts that replace those of the page's language. */
  labels?: Partial<Labels>;
  onUpdate?(view: View): void;
  onStatus?(status: Status): void;
  firstUpdateMs?: number;
  backoffMs?: number;
}

/** Keeps a list of posts live: #live-posts of a page of this server, or a list with the same data attributes. */
export function connect(root: HTMLElement, o: ConnectOptions = {}): Reader {
  const find = <E extends HTMLElement>(name: string): E | null => document.querySelector<E>(`[data-live-${name}]`);
  const channel = root.dataset.channel ?? "";
  const list = root.dataset.transports ?? `/channels/${encodeURIComponent(channel)}/transports`;
  const transportsURL = new URL(list, document.baseURI);
  const server = serverOf(transportsURL);
  const title = find("title");
  const words = wordsOfPage();
  const reader = new Reader({
    channel,
    transportsURL,
    transports: { ...known, ...o.transports },
    parts: {
      list: root, title, status: find("status"), announce: find("announce"),
      fresh: find<HTMLButtonElement>("new"), older: find<HTMLAnchorElement>("older"),
      empty: find("empty"),
    },
    labels: { ...(words && labelsOf(words)), ...o.labels },
    follows: topOfPage,
    toTop: () => window.scrollTo({ top: 0, behavior: pace() }),
    dress: server.origin === location.origin ? undefined : (_, post) => lead(post, server),
    onUpdate: (view) => {
      if (title && view.title) document.title = view.title;
      o.onUpdate?.(view);
    },
    onStatus: o.onStatus,
    onEnded: (ended) => document.documentElement.classList.toggle("has-ended", ended),
    onOlder: (link, came) => came || location.assign(link.href),
    firstUpdateMs: o.firstUpdateMs,
    backoffMs: o.backoffMs,
    silenceMs: 3 * Number(root.dataset.heartbeat || 15_000),
  });
  tellTimes(document);
  const notify = find<HTMLElement>("notify");
  if (notify) offerNotifications(notify);
  reader.start();
  return reader;
}

const own = document.querySelector<HTMLElement>("#live-posts[data-live=auto]");
if (own) connect(own);
else tellTimes(document);
