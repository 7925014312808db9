// The entry @motacilla/client/element: registers <live-posts>. On a server it registers nothing and does not fail.
import { define } from "../element";

export { known, LivePosts, View } from "../element";
export type { LivePostsStatus, LivePostsUpdate } from "../element";

define();
