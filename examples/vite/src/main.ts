// The custom element shows the posts. The ticker has its own markup: it follows the same channel, over the same connection.
import { follow } from "@motacilla/client";
import "@motacilla/client/element";

const posts = document.querySelector("live-posts");
const ticker = document.querySelector(".ticker");

if (posts && ticker) {
  posts.addEventListener("live-posts-update", ({ detail }) => {
    ticker.toggleAttribute("data-news", detail.added.length > 0);
  });
  follow({
    src: posts.src,
    channel: posts.channel,
    onUpdate: (view) => {
      const shown = view.posts().filter((post) => post.show);
      ticker.textContent = shown.length === 1 ? "1 post" : `${shown.length} posts`;
      if (view.title) document.title = `${view.title} – The Harbour Post`;
    },
    onStatus: (status) => ticker.setAttribute("data-status", status),
  });
}
