// Types of @motacilla/client. They are written by hand. page/client/types.check.ts compares them with the source.
import type { Status, Transport, Update, View } from "./types.js";

export { known, View } from "./types.js";
export type { Held, OlderQuery, Render, Session, Status, Transport, Update } from "./types.js";

/** Names a channel, and the transports by which to read it. */
export interface ChannelOptions {
  /** The server's URL. It may contain a path. In a page it may be relative to the page. */
  src: string | URL;
  /** The channel's ID. */
  channel: string;
  /** More transports than the known ones, by the server's names. */
  transports?: Record<string, Transport>;
  /** The names of the only transports to use, tried in the server's order. Without it, all that the server offers are used. */
  only?: readonly string[];
}

export interface FollowOptions extends ChannelOptions {
  /** The snapshot from which to continue. Without it, the first update brings the newest page. */
  snapshot?: Update;
  /** Is called when the view has changed. What it throws is reported as uncaught, and does not end the connection. */
  onUpdate?(view: View): void;
  /** Is called when the status has changed. */
  onStatus?(status: Status): void;
  /** How long a transport may take to its first update, in milliseconds; 5000. */
  firstUpdateMs?: number;
  /** The shortest pause after a failure, in milliseconds; 500, doubled up to 30 s. */
  backoffMs?: number;
  /** A stream that says nothing for so long is dead, in milliseconds; 45000. Use three times the server's feed.heartbeat. */
  silenceMs?: number;
}

/** Follows one channel. */
export interface Follower {
  /** What is held of the channel. It is the same object for as long as the follower lives. */
  readonly view: View;
  readonly status: Status;
  /** Connects, if it is not connected. Resumes from its revision. */
  start(): void;
  /** Disconnects. The view stays. */
  stop(): void;
  /**
   * Loads the next older posts into the view. Resolves at once if there are none, and rejects if they can't be loaded. It
   * works only in pages, because it needs DOMParser.
   */
  loadOlder(): Promise<void>;
}

/**
 * Follows a channel until stop is called. In a page there is a connection only while the page is visible, and the pages of
 * one browser share it. Elsewhere there is a connection until stop is called. Throws a TypeError if an option is wrong.
 */
export declare function follow(options: FollowOptions): Follower;

export interface SnapshotOptions extends ChannelOptions {
  /** Ends the request, such as AbortSignal.timeout(2000). */
  signal?: AbortSignal;
}

/**
 * Returns the newest page of a channel: an update with reset. It can be sent as JSON. Rejects with Refused if the server
 * refuses, and with a TypeError if an option is wrong or the server can't be reached.
 */
export declare function snapshot(options: SnapshotOptions): Promise<Update>;

/**
 * Returns the HTML of a snapshot's visible posts, newest first. Put inside <live-posts>, it is shown until the element has
 * started, and the element continues from its revision. The posts are as the server sanitised them. Throws a TypeError if
 * the update has no reset.
 */
export declare function snapshotHTML(snapshot: Update): string;

/** An answer with another status than 200, such as 403 (the channel is private) or 404 (there is none). */
export declare class Refused extends Error {
  readonly status: number;
  /** How long to wait before the next request, in milliseconds; 0 if the answer does not say. */
  readonly retryAfter: number;
  /** True if the server itself refused. False if the answer may come from a proxy in between. */
  readonly own: boolean;
  /** What the server says is wrong with an upload; otherwise empty. */
  readonly detail: string;
  constructor(status: number, retryAfter: number, own?: boolean, detail?: string);
}

export interface UploadOptions {
  /** The server's token. A page of the server's own origin may do without, if the app authorises it by a cookie. */
  token?: string;
  /** The account that the upload is meant for, as GET /api/access/me names it. If another one is signed in, the server refuses it with 401. */
  as?: string;
  /** The alternative text, for readers who can't see the image. */
  alt?: string;
  /** An ID of the upload. If the server has an image of this key, it keeps no other one: so an upload can be repeated. */
  key?: string;
  /** Ends the upload. */
  signal?: AbortSignal;
  /** Is called with the bytes that were sent, and the bytes of the file. In Node.js it is called at the end only. */
  onProgress?(sent: number, total: number): void;
}

/** A block of a post's content that shows an image. */
export interface ImageBlock {
  type: "image";
  value: {
    url: string;
    alt: string;
    width: number;
    height: number;
    media: string;
    srcset?: string;
    color?: string;
  };
}

/** An image that the server keeps. url is a path on the server. */
export interface UploadedImage {
  id: string;
  url: string;
  srcset: string;
  width: number;
  height: number;
  color: string;
  alt: string;
  /** What to do if there is no alternative text. */
  hint?: string;
  /** Shows the image in a post's content. */
  block: ImageBlock;
}

/**
 * Keeps an image on a server. In a browser, the server must be of the page's own origin. Rejects with Refused, whose detail
 * says why, if the server does not take the image; with the signal's reason if that ended the upload; and with a TypeError if
 * the server's URL is wrong or the server can't be reached.
 */
export declare function uploadImage(server: string | URL, file: Blob, options?: UploadOptions): Promise<UploadedImage>;

/** Reports whether a value has the form of an update. */
export declare function isUpdate(value: unknown): value is Update;
