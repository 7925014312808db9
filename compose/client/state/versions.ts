import type { Post } from "../model";
import { asPost, etagOf, postPath, type Api } from "./api";
import type { Version, WholeVersion } from "./types";

export interface VersionsPage {
  versions: Version[];
  next: string | null;
}

/** The history of posts. It needs the server; its methods reject with a Failure. */
export class Versions {
  constructor(
    private readonly api: Api,
    readonly channel: string,
  ) {}

  /** Returns the versions of a post, the newest first. before is the `next` of another page. */
  async list(post: string, before: string | null = null): Promise<VersionsPage> {
    return (await this.api.get<VersionsPage>(`${this.path(post)}${before ? `?before=${before}` : ""}`)).value;
  }

  async get(post: string, revision: number): Promise<WholeVersion> {
    const { value } = await this.api.get<WholeVersion>(`${this.path(post)}/${revision}`);
    return { ...value, post: value.post && asPost(value.post) };
  }

  /** Gives a post the author and the content of a version. base is the revision that the person has seen; null: the post was removed. */
  async restore(post: string, revision: number, base: string | null): Promise<Post> {
    const match = base === null ? undefined : etagOf(base);
    return asPost((await this.api.send<Post>("POST", `${this.path(post)}/${revision}/restore`, { body: {}, match })).value);
  }

  private path(post: string): string {
    return `${postPath(this.channel, post)}/versions`;
  }
}
