import type { Post } from "../model";
import { newer } from "./api";

export interface Place {
  created: string;
  id: string;
}

/** The posts of a channel from the newest down to a floor. */
export class PostList {
  private readonly posts = new Map<string, Post>();
  /** Posts that were removed: an answer that is under way may have them yet. IDs are not used again. */
  private readonly removed = new Set<string>();
  private read = false;

  /** The oldest place down to which all posts are here; null: there are none below. */
  floor: Place | null = null;

  /** Whether nothing has been read yet. */
  get empty(): boolean {
    return !this.read;
  }

  get(id: string): Post | undefined {
    return this.posts.get(id);
  }

  /** Whether a place is in the list, rather than below it. */
  has(place: Place): boolean {
    return !this.floor || !isBelow(place, this.floor);
  }

  /** Takes a post, unless a newer version of it is here, it was removed, or it is below the list. */
  put(post: Post): void {
    const held = this.posts.get(post.id);
    if (!this.read || this.removed.has(post.id) || (held && newer(held.revision, post.revision))) return;
    if (this.has(post)) this.posts.set(post.id, post);
    else this.posts.delete(post.id);
  }

  /** Takes a post out, for good. */
  remove(id: string): void {
    this.posts.delete(id);
    this.removed.add(id);
    if (this.removed.size > 2000) for (const old of [...this.removed].slice(0, 1000)) this.removed.delete(old);
  }

  /** Takes a post out that this person may not see. */
  forget(id: string): void {
    this.posts.delete(id);
  }

  /** Has these posts in the place of all others, except those that are here in a newer version. */
  replace(posts: Post[], floor: Place | null): void {
    const before = new Map(this.posts);
    this.posts.clear();
    this.read = true;
    this.floor = floor && { created: floor.created, id: floor.id };
    for (const post of posts) {
      const held = before.get(post.id);
      this.put(held && newer(held.revision, post.revision) ? held : post);
    }
  }

  /** Adds the posts below the floor. complete says that there are no older ones. */
  extend(posts: Post[], complete: boolean): void {
    const last = lastOf(posts);
    if (complete) this.floor = null;
    else if (last) this.floor = { created: last.created, id: last.id };
    posts.forEach((post) => this.put(post));
  }

  /** The newest first. */
  sorted(): Post[] {
    return [...this.posts.values()].sort((a, b) => (isBelow(a, b) ? 1 : -1));
  }
}

/** Whether a is older than b. Times of the server have the same form, so they are compared as texts. */
export function isBelow(a: Place, b: Place): boolean {
  return a.created !== b.created ? a.created < b.created : a.id < b.id;
}

export function lastOf<T>(list: T[]): T | undefined {
  return list[list.length - 1];
}
