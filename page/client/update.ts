// The wire: what a server sends to its readers (docs/wire.md).

/** A post as readers get it. Times are RFC 3339 in UTC with six decimals, and so can be compared as text. */
export interface Render {
  show: boolean;
  content: string;
  created: string;
  modified: string;
  pinned: boolean;
  revision: number;
}

/** Carries a reader from one revision to another. Revisions are microseconds and fit into a double without loss. */
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

/** A post that a view holds, with its ID. */
export interface Held extends Render {
  id: string;
}

/** A post's place in its channel: by created, then by ID. */
export interface Key {
  created: string;
  id: string;
}

export function compareKeys(a: Key, b: Key): number {
  if (a.created !== b.created) return a.created < b.created ? -1 : 1;
  if (a.id !== b.id) return a.id < b.id ? -1 : 1;
  return 0;
}

/** Reports whether a value from the network, or from another page, has the form of an update. */
export function isUpdate(value: unknown): value is Update {
  if (!isObject(value)) return false;
  const { from, revision, renders, removals } = value;
  return (
    Number.isSafeInteger(from) &&
    Number.isSafeInteger(revision) &&
    isObject(renders) &&
    Object.values(renders).every(isRender) &&
    Array.isArray(removals) &&
    removals.every((id) => typeof id === "string")
  );
}

function isRender(value: unknown): value is Render {
  return (
    isObject(value) &&
    typeof value.content === "string" &&
    typeof value.created === "string" &&
    Number.isSafeInteger(value.revision)
  );
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
