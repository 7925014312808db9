// <live-posts> in React's JSX. tsc checks it; it never runs.
import { useRef } from "react";
import type { LivePosts } from "@motacilla/client/react";

export function Match({ html }: { html: string }) {
  const element = useRef<LivePosts>(null);
  return (
    <live-posts
      ref={element}
      src="https://live.example.org"
      channel="match-42"
      transports="sse"
      dangerouslySetInnerHTML={{ __html: html }}
      suppressHydrationWarning
    />
  );
}

export function Wrong() {
  // @ts-expect-error a channel is a text
  return <live-posts channel={42} />;
}
