// Compares the types that are served and packed, *.d.ts, with the source. tsc checks it. Nothing imports it.
import type * as toldPackage from "../../packages/client/index";
import type * as toldElement from "../static/live-posts";
import type * as toldPage from "../static/live";
import * as element from "./live-posts";
import * as page from "./main";
import * as packedElement from "./npm/element";
import * as packed from "./npm/index";
import type { Labels } from "./labels";

/** True if each is assignable to the other. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;

const holds = <T extends true>(...what: T[]): void => void what;

// Everything that the types declare exists, with these types.
export const told1: Omit<typeof toldPage, "View"> = page;
export const told2: Omit<typeof toldElement, "View" | "LivePosts"> = element;

holds<Same<toldPage.Status, page.Status>>(true);
holds<Same<toldPage.Update, page.Update>>(true);
holds<Same<toldPage.Held, page.Held>>(true);
holds<Same<toldElement.Labels, Labels>>(true);
holds<Same<toldElement.LivePostsUpdate, element.LivePostsUpdate>>(true);
holds<Same<toldElement.LivePostsStatus, element.LivePostsStatus>>(true);
// The types declare all that exists and nothing else, except what the browser calls.
type Callbacks = "connectedCallback" | "disconnectedCallback" | "attributeChangedCallback";
type Own = Exclude<keyof element.LivePosts, Callbacks>;
holds<Same<keyof typeof toldPage, keyof typeof page>>(true);
holds<Same<keyof typeof toldElement, keyof typeof element>>(true);
holds<Same<keyof toldElement.LivePosts, Own>>(true);
holds<Same<Pick<toldElement.LivePosts, Own>, Pick<element.LivePosts, Own>>>(true);

export const view: toldPage.View = new page.View();

// The package has the same element, and an entry of its own.
export const told3: Omit<typeof toldElement, "View" | "LivePosts"> = packedElement;
export const told4: Omit<typeof toldPackage, "View" | "follow"> = packed;
holds<Same<keyof typeof toldElement, keyof typeof packedElement>>(true);
holds<Same<keyof typeof toldPackage, keyof typeof packed>>(true);
holds<Same<toldPackage.Update, packed.Update>>(true);
holds<Same<toldPackage.SnapshotOptions, packed.SnapshotOptions>>(true);
holds<Same<toldPackage.UploadedImage, packed.UploadedImage>>(true);
holds<Same<toldPackage.ImageBlock, packed.ImageBlock>>(true);
holds<Same<keyof toldPackage.UploadOptions, keyof packed.UploadOptions>>(true);
holds<Same<Omit<toldPackage.FollowOptions, "onUpdate">, Omit<packed.FollowOptions, "onUpdate">>>(true);
holds<Same<keyof toldPackage.Follower, keyof packed.Follower>>(true);
holds<Same<keyof toldPackage.FollowOptions, keyof packed.FollowOptions>>(true);
export const follow: (o: packed.FollowOptions) => toldPackage.Follower = packed.follow;
