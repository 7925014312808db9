// Compares the served types, static/*.d.ts, with the source. tsc checks it. Nothing imports it.
import type * as toldElement from "../static/live-posts";
import type * as toldPage from "../static/live";
import * as element from "./element";
import * as page from "./main";
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
