import { compareKeys, type Held, type Key, type Update } from "./update";

/** Identifies one reset of one view. */
interface Snapshot {
  readonly revision: number;
}

/** Asks for the posts below a view's floor. Its answer is of use until the view's next reset. */
export interface OlderQuery {
  /** The posts asked for are older than this. */
  readonly before: Key;
  readonly snapshot: Snapshot;
}

/** What a reader of one channel holds. Its rules are those of the Go package's View, line by line. */
export class View {
  revision = 0;
  title = "";
  ended: string | null = null;
  complete = false;
  gone = false;

  /** No unpinned post below it is shown; null means no floor. */
  floor: Key | null = null;

  private snapshot: Snapshot | null = null;
  // Everything received since the last reset, below the floor too. Older posts may arrive in a state from before that.
  private held = new Map<string, Held>();
  private removed = new Map<string, number>();

  /**
   * Applies u. asked must be true if u answers a question of the reader: the first update of a poll or a connection.
   * Returns true if u does not fit what is held. The caller must then ask again with the view's revision.
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

  /** Returns the query for the posts below the floor, or null if there are none. */
  older(): OlderQuery | null {
    if (!this.snapshot || !this.floor || this.complete || this.gone) return null;
    return { before: this.floor, snapshot: this.snapshot };
  }

  /**
   * Takes the answer to a query: the newest visible posts below query.before, pinned or not, as the channel was at
   * revision at. Moves the floor down to the oldest of them. complete must be true if there are no older posts.
   *
   * Returns false and changes nothing if the answer does not fit: if there has been a reset since the query, or if at is
   * before that reset. Posts between the answer and the new floor would be missing, or removed posts would come back.
   * The caller must then ask again, with a new query.
   */
  addOlder(query: OlderQuery, at: number, posts: Held[], complete: boolean): boolean {
    if (query.snapshot !== this.snapshot || !(at >= query.snapshot.revision)) return false;
    this.complete = this.complete || complete;
    for (const post of posts) {
      if (this.floor && compareKeys(post, this.floor) < 0) this.floor = { created: post.created, id: post.id };
    }
    if (complete) this.floor = null;
    for (const post of posts) this.put(post);
    return true;
  }

  /** The posts that are held, oldest first, hidden posts too. */
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
    this.snapshot = { revision: u.revision };
    this.removed = new Map();
    const posts = Object.entries(u.renders).map(([id, render]) => ({ ...render, id }));
    this.held = new Map(posts.map((post) => [post.id, post]));
    this.floor = this.complete ? null : floorOf(posts);
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

/**
 * Returns the oldest place down to which the posts of a reset are all that are shown, if there are more. Posts between
 * pinned ones may be left out. So it is the oldest post that is not pinned or, if all are pinned, the newest.
 */
function floorOf(posts: Held[]): Key | null {
  const sorted = [...posts].sort(compareKeys);
  const post = sorted.find((p) => !p.pinned) ?? sorted[sorted.length - 1];
  return post ? { created: post.created, id: post.id } : null;
}
