// Types of live.js, the browser client for pages with their own markup. They are written by hand.
// page/client/types.check.ts compares them with the source.
import type { Labels, Status, Transport, View } from "./types.js";

export { known, View } from "./types.js";
export type { Held, Labels, OlderQuery, Render, Session, Status, Transport, Update } from "./types.js";

export interface ConnectOptions {
  /** More transports than the known ones, by the server's names. */
  transports?: Record<string, Transport>;
  /** Texts that replace those of the page's language. */
  labels?: Partial<Labels>;
  onUpdate?(view: View): void;
  onStatus?(status: Status): void;
  /** How long a transport may take to its first update; 5000. */
  firstUpdateMs?: number;
  /** The shortest pause after a failure; 500, doubled up to 30 s. */
  backoffMs?: number;
}

/** Shows a channel in a page and keeps it live. */
export interface Reader {
  readonly view: View;
  readonly status: Status;
  /** Connects, if it is not connected. Resumes from its revision. */
  start(): void;
  /** Disconnects. The posts stay. */
  stop(status?: Status): void;
  /** Loads the next older posts into the list. Rejects if they can't be loaded. */
  loadOlder(): Promise<void>;
}

/** Keeps a list of posts live. The list must have the data attributes of docs/browser-client.md. */
export declare function connect(root: HTMLElement, options?: ConnectOptions): Reader;

/** Writes the times below root in words. */
export declare function tellTimes(root: ParentNode): void;
