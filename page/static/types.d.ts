// Types that all entries of the browser client share. They are written by hand. page/client/types.check.ts compares them
// with the source.

/** The state of a reader (docs/browser-client.md). */
export type Status = "connecting" | "live" | "reconnecting" | "paused" | "offline" | "gone" | "refused" | "blocked";

/** The texts that a reader shows, in the language of its page. */
export interface Labels extends Record<Status, string> {
  /** Shown instead of live if the channel has ended, and next to its title. */
  ended: string;
  /** Shown next to the title of a channel that has not ended: "Live". */
  badge: string;
  /** The name of the list for screen readers: "Posts". */
  posts: string;
  /** The link to earlier posts. */
  earlier: string;
  /** Shown instead of the link if the posts could not be loaded. */
  earlierFailed: string;
  empty: string;
  newPosts(count: number): string;
  earlierPosts(count: number): string;
  /** The mark of a pinned post: "Pinned". */
  pinned: string;
  /** The mark of a key event: "Key event". */
  keyEvent: string;
  /** The mark of an edited post: "Edited {time}". The time stands in the place of {time}. */
  edited: string;
  /** A time less than a minute ago: "just now". */
  justNow: string;
  /** The button that loads a player of another site: "Show content from {provider}". */
  showContent: string;
  /** The box to tick for all players of the site: "Always show content from {provider}". */
  alwaysShow: string;
}

/** A post as readers get it. Times are RFC 3339 in UTC with six decimals. */
export interface Render {
  show: boolean;
  content: string;
  created: string;
  modified: string;
  pinned: boolean;
  revision: number;
}

/** A post that a view holds, with its ID. */
export interface Held extends Render {
  id: string;
}

/** Carries a reader from one revision to another (docs/wire.md). Revisions are microseconds since 1970. */
export interface Update {
  channel: string;
  from: number;
  revision: number;
  renders: Record<string, Render>;
  removals: string[];
  reset?: boolean;
  complete?: boolean;
  title?: string;
  ended?: string | null;
  gone?: boolean;
  next_poll_ms?: number;
  next_round?: number;
}

/** Asks for the posts below a view's floor. Its answer is of use until the view's next reset. */
export interface OlderQuery {
  /** The posts asked for are older than this. */
  readonly before: { readonly created: string; readonly id: string };
  readonly snapshot: { readonly revision: number };
}

/** What a reader of one channel holds. */
export declare class View {
  revision: number;
  title: string;
  /** When the channel ended, or null. */
  ended: string | null;
  /** There are no posts older than those held. */
  complete: boolean;
  gone: boolean;
  /** No unpinned post below it is held; null means no floor. */
  floor: { created: string; id: string } | null;
  /** Applies an update. Returns true if the caller must ask again with the view's revision. */
  apply(update: Update, asked: boolean): boolean;
  /** Returns the query for the posts below the floor, or null if there are none. */
  older(): OlderQuery | null;
  /**
   * Takes the answer to a query: posts as they were at a revision. Returns false if it does not fit, because there has
   * been a reset since the query, or because the revision is before that reset. The caller must then ask again.
   */
  addOlder(query: OlderQuery, at: number, posts: Held[], complete: boolean): boolean;
  /** Oldest first, hidden posts too. */
  posts(): Held[];
}

/** One attempt of a connection over one transport. */
export interface Session {
  url: URL;
  /** Ends the session. */
  signal: AbortSignal;
  /** A stream that says nothing for so long is dead. */
  silenceMs: number;
  /** Returns the reader's cursor. */
  cursor(): number;
  /** The server's URL, below which paths are that the server names. */
  server?: URL;
  /**
   * Hands over an update. asked must be true if it answers a question. works is false if it does not show that the transport works.
   * Returns true if the transport must ask again.
   */
  deliver(update: Update, asked: boolean, works?: boolean): boolean;
}

/** A way to get updates. It runs until its session's signal aborts, or throws. */
export type Transport = (session: Session) => Promise<void>;

/** The transports that the client knows, by the server's names. */
export declare const known: Readonly<Record<string, Transport>>;
