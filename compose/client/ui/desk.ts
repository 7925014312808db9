import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import type { Channel, Post } from "../model";
import { program } from "../program";
import type { Entry } from "../state/change";
import type { Drafts } from "../state/drafts";
import type { Posts } from "../state/posts";
import type { Presence } from "../state/presence";
import { failureOf } from "../state/problem";
import type { Readers } from "../state/readers";
import type { EditorHere, Problem } from "../state/types";
import type { Versions } from "../state/versions";
import type { ConnectionState } from "./top";
import { Writing } from "./writing";

/** A post as the desk shows it: with what the outbox is about to change. */
export interface Shown {
  post: Post;
  /** Something of it is not sent yet. */
  waits: boolean;
}

/** The desk of one channel. */
export class Desk {
  readonly writing: Writing;
  readonly posts: Posts;
  readonly drafts: Drafts;
  readonly presence: Presence;
  readonly readers: Readers;
  readonly versions: Versions;
  private readonly fetched = signal<Channel | null>(null);
  private readonly wrong = signal<Problem | null>(null);
  private readonly untell: () => void;

  constructor(readonly id: string) {
    this.writing = new Writing(id);
    this.posts = program.posts(id);
    this.drafts = program.drafts(id);
    this.presence = program.presence(id);
    this.readers = program.readers(id);
    this.versions = program.versions(id);
    this.untell = effect(() => {
      const target = this.writing.target.value;
      this.presence.open({
        post: target.kind === "post" ? target.post.id : target.kind === "draft" ? target.draft.edits : null,
        draft: target.kind === "draft" ? target.draft.id : null,
      });
    });
    void this.refresh();
  }

  /** The channel, as far as it is known. */
  readonly channel: ReadonlySignal<Channel | null> = computed(() => {
    const channel = this.fetched.value;
    const live = this.posts.live.value;
    return channel && live && !live.gone ? { ...channel, title: live.title || channel.title, ended: live.ended } : channel;
  });

  /** Why there is no such channel for this person. */
  readonly gone: ReadonlySignal<Problem | null> = computed(() => {
    if (this.posts.live.value?.gone) return { status: 404, title: "" };
    const wrong = this.posts.problem.value ?? this.wrong.value;
    return wrong && [400, 403, 404, 410].includes(wrong.status) ? wrong : null;
  });

  /** What of the outbox concerns this channel, the oldest first. */
  readonly entries: ReadonlySignal<Entry[]> = computed(() => program.outbox.entries.value.filter((e) => e.change.channel === this.id));

  /** The posts, the newest first; with what the outbox is about to change. */
  readonly shown: ReadonlySignal<Shown[]> = computed(() => overlaid(this.posts.list.value ?? [], this.entries.value));

  /** New posts and drafts that are not sent, and whatever a person has to decide. */
  readonly waiting: ReadonlySignal<Entry[]> = computed(() =>
    this.entries.value.filter((e) => {
      const { kind } = e.change;
      if (e.state === "conflict" || e.state === "refused" || !program.outbox.own(e)) return true;
      return kind === "post" || kind === "draft" || kind === "draft-edit";
    }),
  );

  /** How much waits, apart from deletions that can still be taken back. */
  readonly unsent: ReadonlySignal<number> = computed(() => this.entries.value.filter((e) => !e.notBefore).length);

  /** Who else is on this channel. */
  readonly others: ReadonlySignal<EditorHere[]> = computed(() => this.presence.editors.value.filter((e) => e.tab !== program.tab));

  readonly state: ReadonlySignal<ConnectionState> = computed(() => {
    if (program.me.session.value === "out") return "refused";
    if (!program.online.value) return "offline";
    const status = this.posts.status.value;
    if (status === "live" || status === "paused") return "live";
    return status === "refused" || status === "blocked" ? "refused" : status === "offline" ? "offline" : "connecting";
  });

  /** Asks again what the channel is. */
  async refresh(): Promise<void> {
    try {
      this.fetched.value = await program.channels.get(this.id);
      this.wrong.value = null;
    } catch (err) {
      this.wrong.value = failureOf(err).problem;
    }
  }

  took(channel: Channel): void {
    this.fetched.value = channel;
  }

  close(): void {
    this.untell();
    this.posts.stop();
    this.drafts.stop();
    this.presence.stop();
    this.readers.stop();
  }

  may(action: "draft" | "write" | "manage"): boolean {
    return program.me.can(this.id, action);
  }
}

/** Applies to posts what the outbox is about to change. */
export function overlaid(posts: Post[], entries: Entry[]): Shown[] {
  const shown: Shown[] = [];
  for (const post of posts) {
    let out: Shown | null = { post, waits: false };
    for (const { change, state } of entries) {
      if (!out || state === "conflict" || state === "refused") continue;
      if (change.kind === "edit" && change.post === post.id) out = { post: { ...out.post, ...change.body }, waits: true };
      if (change.kind === "delete" && change.post === post.id) out = null;
    }
    if (out) shown.push(out);
  }
  return shown;
}

