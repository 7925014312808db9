// Where a client runs. A page has a document, a worker has none, and a server (Node.js) has no browser at all.

/** What a connection does when its surroundings change. */
export interface Watcher {
  signal: AbortSignal;
  /** There may be another reason to pause, or no more. */
  changed(): void;
  /** The reader leaves the page. */
  left(): void;
}

/** Whether this is a browser: a page or a worker. */
const inBrowser = typeof location !== "undefined";

/** Returns why there must be no connection now, or null. Without a browser there is never a reason. */
export function mustPause(): "offline" | "paused" | null {
  if (inBrowser && !navigator.onLine) return "offline";
  return typeof document !== "undefined" && document.visibilityState === "hidden" ? "paused" : null;
}

/** Watches the surroundings until the signal aborts. */
export function watch({ signal, changed, left }: Watcher): void {
  if (!inBrowser) return;
  for (const type of ["online", "offline", "pageshow"]) globalThis.addEventListener(type, changed, { signal });
  globalThis.addEventListener("pagehide", left, { signal });
  if (typeof document === "undefined") return;
  document.addEventListener("visibilitychange", changed, { signal });
}

/** Watches for what the page's policy forbids, until the signal aborts. */
export function watchPolicy(signal: AbortSignal, violated: (event: SecurityPolicyViolationEvent) => void): void {
  if (typeof document !== "undefined") document.addEventListener("securitypolicyviolation", violated, { signal });
}

/** Returns the origin whose requests a server allows or not. It is empty without a browser: nothing is blocked there. */
export function ownOrigin(): string {
  return inBrowser ? location.origin : "";
}

/**
 * Reports whether connections can be shared with other pages. Locks and broadcasts are missing outside secure contexts
 * and in older browsers.
 */
export function canShare(): boolean {
  return inBrowser && Boolean(navigator.locks) && typeof BroadcastChannel === "function";
}
