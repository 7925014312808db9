// Prints how the package answers a server that renders pages, as JSON.
import { Refused, follow, snapshot, snapshotHTML } from "@motacilla/client";

const [src] = process.argv.slice(2);
const failed = async (f) => {
  try {
    await f();
    return "nothing failed";
  } catch (err) {
    return err instanceof Refused ? `${err.status} ${err.own}` : `${err.name}: ${err.message}`;
  }
};
const revision = {};
for (const only of [["interval-polling"], ["long-polling"], ["sse"], undefined]) {
  const update = await snapshot({ src, channel: "match", ...(only && { only }) });
  revision[only ?? "any"] = update.reset ? update.revision : "no reset";
}
const render = { show: true, created: "2026-05-01T12:00:00.000000Z", modified: "2026-05-01T12:00:00.000000Z", pinned: false };
const update = {
  channel: "a", from: 0, revision: 7, reset: true, title: `"Cup" & <b>`, ended: null, removals: [],
  renders: {
    one: { ...render, content: "<p>one</p>", revision: 5 },
    two: { ...render, content: "<p>two</p>", revision: 6, created: "2026-05-01T12:01:00.000000Z" },
    hidden: { ...render, show: false, content: "<p>hidden</p>", revision: 7 },
  },
};
console.log(JSON.stringify({
  revision,
  html: snapshotHTML(update),
  none: await failed(() => snapshot({ src, channel: "none" })),
  ended: await failed(() => snapshot({ src, channel: "match", signal: AbortSignal.abort() })),
  noReset: await failed(() => snapshotHTML({ ...update, reset: false })),
  noServer: await failed(() => follow({ src: "live.example.org", channel: "match" })),
  noChannel: await failed(() => follow({ src, channel: "" })),
  noTransport: await failed(() => follow({ src, channel: "match", only: ["pigeon"] })),
}));
