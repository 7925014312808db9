// Types of <live-posts> in React's JSX, for @types/react 18.2.6 and later. Importing @motacilla/client/react registers the element.
import type { DetailedHTMLProps, HTMLAttributes } from "react";
import type { LivePosts } from "./element.js";

export * from "./element.js";

/** The attributes of <live-posts> (docs/any-page.md). */
export interface LivePostsAttributes extends DetailedHTMLProps<HTMLAttributes<LivePosts>, LivePosts> {
  src?: string;
  channel?: string;
  transports?: string;
}

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "live-posts": LivePostsAttributes;
    }
  }
}
