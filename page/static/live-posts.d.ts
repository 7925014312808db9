// Types of live-posts.js, the custom element <live-posts> (docs/any-page.md). They are kept by hand, and held against
// the source by page/client/types.check.ts.
import { known, View, type Held, type Session, type Status, type Transport, type Update } from "./live.js";

export { known, View };
export type { Held, Session, Status, Transport, Update };

/** What the element says, in the words of its page. */
export interface Labels extends Record<Status, string> {
  /** In the place of live, where the channel has ended; beside its title too. */
  ended: string;
  /** Beside the title of a channel that has not ended: "Live". */
  badge: string;
  /** What the list is called by screen readers: "Posts". */
  posts: string;
  /** The link to earlier posts. */
  earlier: string;
  /** Instead of it, when they could not be had. */
  earlierFailed: string;
  empty: string;
  newPosts(count: number): string;
  earlierPosts(count: number): string;
}

/** The detail of live-posts-update. */
export interface LivePostsUpdate {
  channel: string;
  revision: number;
  title: string;
  /** When the channel ended, or null. */
  ended: string | null;
  /** There is nothing older than what is shown. */
  complete: boolean;
  gone: boolean;
  /** The IDs of visible posts that were not shown before. */
  added: readonly string[];
}

/** The detail of live-posts-status. */
export interface LivePostsStatus {
  channel: string;
  status: Status;
}

/** Shows a channel in any page, and keeps it live for as long as it is in the document. */
export declare class LivePosts extends HTMLElement {
  static readonly observedAttributes: string[];
  /** Transports beside the known ones, by the server's names; for elements that begin from then on. */
  static transports: Record<string, Transport>;

  /** The server's URL; empty is the server that the module came from. */
  src: string;
  channel: string;
  /** Names of transports, with spaces between them, that alone are used; empty is all. */
  transports: string;
  /** Other words than the English ones. */
  labels: Partial<Labels>;
  /** idle before there is a channel. */
  readonly status: Status | "idle";
  readonly revision: number;
  /** What is shown, newest first. */
  readonly posts: readonly Held[];
  /** Loads the next older posts in place; rejects where they can't be had. */
  loadOlder(): Promise<void>;
}

declare global {
  interface HTMLElementTagNameMap {
    "live-posts": LivePosts;
  }
  interface HTMLElementEventMap {
    "live-posts-update": CustomEvent<LivePostsUpdate>;
    "live-posts-status": CustomEvent<LivePostsStatus>;
  }
}
