// The REST interface's documents that model.ts does not have.

import type { Block, NewPost, Post } from "../model";

/** An error as the server says it (RFC 9457). status 0 is not the server's: the network's, or this program's own. */
export interface Problem {
  status: number;
  title: string;
  detail?: string;
  field?: string;
}

export type DraftState = "draft" | "submitted" | "returned" | "scheduled" | "publishing" | "published";

export interface Draft {
  id: string;
  channel: string;
  state: DraftState;
  by: { who: string; name: string };
  at: string | null;
  note: string;
  post: string | null;
  edits: string | null;
  base: number | null;
  author: string;
  pinned: boolean;
  key_event: boolean;
  created: string | null;
  content: Block[];
  drafted: string;
  modified: string;
}

/** What a draft is made of. A draft can't be hidden. With edits it is a proposal to change that post. */
export type NewDraft = Partial<Omit<NewPost, "show" | "created">> & { created?: string | null; edits?: string };

export type DraftPatch = Omit<NewDraft, "edits"> & { base?: number };

/** What becomes of a draft after it was written. */
export type DraftStep = "submit" | "publish" | { at: string };

export type Action = "read" | "draft" | "write" | "manage";
export type Role = "reader" | "contributor" | "editor" | "admin";

/** A role on channels. Without channels, which are IDs and patterns, it is on all. */
export interface Right {
  role: Role;
  channels?: string[];
}

export interface Account {
  who: string;
  name: string;
  kind: string;
  rights: Right[];
  expires: string | null;
}

/** An account, as admins see it. */
export interface Person {
  login: string;
  who: string;
  name: string;
  rights: Right[];
  disabled: boolean;
  created: string;
  by?: string;
}

export type PersonPatch = Partial<Pick<Person, "name" | "rights" | "disabled">>;

/** A link that makes an account, or a new password or passkey. Only the answer that makes it has the url. */
export interface Invitation {
  id: string;
  kind: "invite" | "first" | "reset";
  url?: string;
  rights?: Right[];
  login?: string;
  name?: string;
  created: string;
  expires: string;
  by?: string;
}

export interface EditorHere {
  who: string;
  name: string;
  tab: string;
  post: string | null;
  draft: string | null;
  since: string;
}

export interface ReadersNow {
  now: number;
  most: number;
  most_at: string | null;
}

export interface Version {
  revision: number;
  at: string;
  who: string;
  name: string;
  current: boolean;
  removed: boolean;
  changes: string[];
  diff: string;
}

export interface WholeVersion {
  revision: number;
  at: string;
  who: string;
  name: string;
  removed: boolean;
  post: Post | null;
}
