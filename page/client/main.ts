import { hold } from "./anchor";
import { Connection, type Status } from "./connection";
import { flash, List, read } from "./dom";
import { loadOlder } from "./older";
import { tellTimes } from "./times";
import { known } from "./transports";
import type { Transport } from "./transports/transport";
import { isUpdate, type Held, type Update } from "./update";
import { View } from "./view";

export { Connection, List, View, known, tellTimes };
export type { Held, Status, Transport, Update };

export interface ConnectOptions {
  /** Transports beside the known ones, by the server's names. */
  transports?: Record<string, Transport>;
  onUpdate?(view: View): void;
  onStatus?(status: Status): void;
  firstUpdateMs?: number;
  backoffMs?: number;
}

const words: Record<Status, string> = {
  connecting: "Connecting…",
  live: "Connected",
  reconnecting: "Reconnecting…",
  paused: "Paused",
  offline: "You are offline",
  gone: "This page is no longer there",
  refused: "Sign in again to go on reading",
};

/** Keeps a list of posts live: #live-posts of a page of this server, or one with the same data attributes. */
export function connect(root: HTMLElement, o: ConnectOptions = {}): Connection {
  const posts = read(root);
  const view = new View();
  const channel = root.dataset.channel ?? "";
  const title = document.querySelector<HTMLElement>("[data-live-title]");
  const began = root.dataset.ended ? root.dataset.ended : null;
  view.apply(
    {
      channel,
      from: 0,
      revision: Number(root.dataset.revision ?? 0),
      renders: Object.fromEntries(posts.map((post) => [post.id, post])),
      removals: [],
      reset: true,
      complete: root.dataset.complete === "true",
      title: title?.textContent ?? "",
      ended: began,
    },
    true,
  );
  const list = new List(root, posts);
  const says = announcer();
  const button = newPosts();

  const show = (): void => {
    const fresh = list.sync(view.posts());
    for (const wrapper of fresh) flash(wrapper, "is-new");
    says(fresh.length);
    button(fresh);
    tellTimes(root);
    document.querySelector<HTMLElement>("[data-live-empty]")?.toggleAttribute("hidden", !list.empty());
    document.documentElement.classList.toggle("has-ended", view.ended !== null);
    if (title && view.title && title.textContent !== view.title) {
      title.textContent = view.title;
      document.title = view.title;
    }
  };
  const tell = (status: Status): void => {
    const element = document.querySelector<HTMLElement>("[data-live-status]");
    if (element) {
      element.dataset.liveStatus = status;
      const text = status === "live" && view.ended !== null ? "Ended" : words[status];
      if (element.textContent !== text) element.textContent = text;
    }
    o.onStatus?.(status);
  };
  const connection = new Connection({
    transportsURL: new URL(root.dataset.transports ?? `/channels/${channel}/transports`, document.baseURI).href,
    transports: { ...known, ...o.transports },
    cursor: () => view.revision,
    deliver: (update, asked) => {
      if (!isUpdate(update)) return true;
      const again = view.apply(update, asked);
      show();
      if (view.gone) connection.stop("gone");
      else tell("live");
      o.onUpdate?.(view);
      return again;
    },
    onStatus: tell,
    firstUpdateMs: o.firstUpdateMs,
    backoffMs: o.backoffMs,
    silenceMs: 3 * Number(root.dataset.heartbeat || 15_000),
  });
  loadOlder(view, show);
  tellTimes(document);
  setInterval(() => {
    const release = hold(root, new Set());
    tellTimes(document);
    release();
  }, 30_000);
  connection.start();
  return connection;
}

/** Says to screen readers how many posts came, once in a second at most. */
function announcer(): (count: number) => void {
  let pending = 0;
  return (count) => {
    if (count === 0) return;
    if (pending === 0) {
      setTimeout(() => {
        const element = document.querySelector("[data-live-announce]");
        if (element) element.textContent = counted(pending);
        pending = 0;
      }, 1000);
    }
    pending += count;
  };
}

/** Offers the way up to posts that came in above the reader. */
function newPosts(): (fresh: HTMLElement[]) => void {
  const button = document.querySelector<HTMLButtonElement>("[data-live-new]");
  const unseen = new Set<HTMLElement>();
  const tell = (): void => {
    if (!button) return;
    for (const wrapper of unseen) {
      if (!wrapper.isConnected || wrapper.hidden || wrapper.getBoundingClientRect().bottom > 0) unseen.delete(wrapper);
    }
    button.hidden = unseen.size === 0;
    if (unseen.size > 0) button.textContent = `↑ ${counted(unseen.size)}`;
  };
  button?.addEventListener("click", () => {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    window.scrollTo({ top: 0, behavior: calm ? "auto" : "smooth" });
    unseen.clear();
    tell();
  });
  window.addEventListener("scroll", () => unseen.size > 0 && tell(), { passive: true });
  return (fresh) => {
    for (const wrapper of fresh) if (wrapper.getBoundingClientRect().bottom <= 0) unseen.add(wrapper);
    tell();
  };
}

function counted(n: number): string {
  return n === 1 ? "1 new post" : `${n} new posts`;
}

const own = document.querySelector<HTMLElement>("#live-posts[data-live=auto]");
if (own) connect(own);
else tellTimes(document);
