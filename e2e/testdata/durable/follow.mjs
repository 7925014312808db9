// Reads a channel with the official client of Durable Streams. Prints of each message whether it is a reset, and its posts' texts. At
// the end it prints where it was, and whether the stream was closed.
import { stream } from "@durable-streams/client";

const [url, live, offset] = process.argv.slice(2);
const response = await stream({ url, live: live === "false" ? false : live, offset, warnOnHttp: false });
for await (const update of response.jsonStream()) {
  const texts = Object.values(update.renders).map((post) => post.content.match(/post \w+/)?.[0]);
  console.log([update.gone ? "gone" : update.reset ? "reset" : "delta", ...texts].join(" "));
}
console.log(`end ${response.offset} ${response.streamClosed}`);
