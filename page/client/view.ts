import { compareKeys, type Held, type Key, type Update } from "./update";

/** What a reader of one channel holds: the same rules, line by line, as the Go package's View. */
export class View {
  revision = 0;
  title = "";
  ended: string | null = null;
  complete = false;
  gone = false;

  /** No unpinned post below it is shown; null is none. */
  floor: Key | null = null;

  // What was said since the last reset, below the floor too: older posts may come in a state from before that.
  private held = new Map<string, Held>();
  private removed = new Map<string, number>();

  /**
   * Applies u. asked says that u answers a question of the reader's own: the first update of a poll or connection.
   * Returns true where the caller is to ask anew with its revision, for u can't be applied to what is held.
   */
  apply(u: Update, asked: boolean): boolean {
    if (u.reset) {
      if (asked || u.revision > this.revision) this.reset(u);
      else if (u.revision < this.revision) return true;
      return false;
    }
    if (u.revision <= this.revision) return false;
    if (u.from > this.revision) return true;
    this.revision = u.revision;
    this.gone = this.gone || u.gone === true;
    this.state(u);
    for (const [id, render] of Object.entries(u.renders)) this.put({ ...render, id });
    for (const id of u.removals) {
      this.held.delete(id);
      this.removed.set(id, u.revision);
    }
    return false;
  }

  /** Takes older posts, loaded beside the updates, and moves the floor down to the oldest of them. */
  addOlder(posts: Held[], complete: boolean): void {
    this.complete = this.complete || complete;
    for (const post of posts) {
      if (!post.pinned && this.floor && compareKeys(post, this.floor) < 0) {
        this.floor = { created: post.created, id: post.id };
      }
    }
    if (complete) this.floor = null;
    for (const post of posts) this.put(post);
  }

  /** What is held, oldest first, hidden posts too. */
  posts(): Held[] {
    const floor = this.floor;
    const above = [...this.held.values()].filter((p) => p.pinned || !floor || compareKeys(p, floor) >= 0);
    return above.sort(compareKeys);
  }

  private reset(u: Update): void {
    this.revision = u.revision;
    this.complete = u.complete === true;
    this.gone = u.gone === true;
    this.state(u);
    this.floor = null;
    this.removed = new Map();
    this.held = new Map();
    for (const [id, render] of Object.entries(u.renders)) {
      const post = { ...render, id };
      this.held.set(id, post);
      if (!this.complete && !post.pinned && (!this.floor || compareKeys(post, this.floor) < 0)) {
        this.floor = { created: post.created, id };
      }
    }
  }

  private state(u: Update): void {
    if (u.title === undefined && u.ended === undefined) return;
    this.title = u.title ?? "";
    this.ended = u.ended ?? null;
  }

  private put(post: Held): void {
    const held = this.held.get(post.id);
    if (held && held.revision > post.revision) return;
    if ((this.removed.get(post.id) ?? -1) >= post.revision) return;
    this.held.set(post.id, post);
  }
}
