import type { Status } from "./connection";

/** The texts that a reader shows, in the language of its page. */
export interface Labels extends Record<Status, string> {
  /** Shown instead of live if the channel has ended. */
  ended: string;
  /** Shown next to the title of a channel that has not ended. */
  badge: string;
  /** The name of the list for screen readers. */
  posts: string;
  /** The link to earlier posts. */
  earlier: string;
  empty: string;
  newPosts(count: number): string;
  earlierPosts(count: number): string;
  /** Shown instead of earlier if the posts could not be loaded. */
  earlierFailed: string;
  /** The mark of a pinned post. */
  pinned: string;
  /** The mark of a key event. */
  keyEvent: string;
  /** The mark of an edited post. The time stands in the place of {time}. */
  edited: string;
  /** A time less than a minute ago. */
  justNow: string;
  /** The button that loads a player of another site. Its name stands in the place of {provider}. */
  showContent: string;
  /** The box to tick for all players of the site. */
  alwaysShow: string;
}

export const english: Labels = {
  connecting: "Connecting…",
  live: "Connected",
  reconnecting: "Reconnecting…",
  paused: "Paused",
  offline: "You are offline",
  gone: "This page is no longer there",
  refused: "Sign in again to go on reading",
  blocked: "Live updates are not allowed on this site",
  ended: "Ended",
  badge: "Live",
  posts: "Posts",
  earlier: "Earlier posts",
  empty: "Nothing yet. Posts appear here as they come in; there is no need to reload.",
  newPosts: (n) => (n === 1 ? "1 new post" : `${n} new posts`),
  earlierPosts: (n) => (n === 1 ? "1 earlier post" : `${n} earlier posts`),
  earlierFailed: "Earlier posts can’t be loaded right now. Try again",
  pinned: "Pinned",
  keyEvent: "Key event",
  edited: "Edited {time}",
  justNow: "just now",
  showContent: "Show content from {provider}",
  alwaysShow: "Always show content from {provider}",
};
