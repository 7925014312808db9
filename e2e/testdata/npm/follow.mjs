// Follows a channel in Node.js over one transport. Prints what it shows after each change, as JSON, a line each. It stops
// following when its standard input ends, and then nothing must keep the process alive.
import { follow } from "@motacilla/client";
import "@motacilla/client/element"; // has no elements here, and must not fail
import "@motacilla/client/react";

const [src, channel, transport] = process.argv.slice(2);
const texts = (view) => view.posts().filter((post) => post.show).map((post) => /post-block--text[^>]*>(?:<p>)?([^<]*)/.exec(post.content)[1]);
const follower = follow({
  src, channel, only: [transport],
  onUpdate: (view) => console.log(JSON.stringify(texts(view).reverse())),
});
process.stdin.on("end", () => follower.stop()).resume();
