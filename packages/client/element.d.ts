// Types of the custom element <live-posts> (docs/any-page.md), from the server or from npm. They are written by hand.
// page/client/types.check.ts compares them with the source.
import type { Held, Labels, Status, Transport } from "./types.js";

export { known, View } from "./types.js";
export type { Held, Labels, Session, Status, Transport, Update } from "./types.js";

/** The detail of live-posts-update. */
export interface LivePostsUpdate {
  channel: string;
  revision: number;
  title: string;
  /** When the channel ended, or null. */
  ended: string | null;
  /** There are no posts older than those shown. */
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

/** Shows a channel in any page and keeps it live while the element is in the document. */
export declare class LivePosts extends HTMLElement {
  static readonly observedAttributes: string[];
  /** More transports than the known ones, by the server's names. They count for elements that begin later. */
  static transports: Record<string, Transport>;
  /**
   * The URL of the server of elements that have no src. It is the server that the module was loaded from. If the module
   * is from npm, it is empty, which means the page's own origin.
   */
  static server: string;

  /** The server's URL. If it is empty, the server is LivePosts.server. */
  src: string;
  channel: string;
  /** The names of the transports that may be used, separated by spaces. If it is empty, all may be used. */
  transports: string;
  /** Texts that replace those of the language in lang, else the English ones. */
  labels: Partial<Labels>;
  /** idle while there is no channel. */
  readonly status: Status | "idle";
  readonly revision: number;
  /** The posts that are shown, newest first. */
  readonly posts: readonly Held[];
  /** Loads the next older posts into the list. Rejects if they can't be loaded. */
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
