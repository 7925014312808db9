// The entry of the custom element as the server serves it: <script type="module" src="…/assets/live-posts.js">.
import { define, LivePosts } from "./element";

export { known, LivePosts, View } from "./element";
export type { LivePostsStatus, LivePostsUpdate } from "./element";

// An element without src shows a channel of the server of this module, which is at /assets/ below the server's URL.
LivePosts.server = new URL("..", import.meta.url).href;
define();
