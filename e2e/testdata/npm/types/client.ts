// Uses everything that the package's types declare. tsc checks it; it never runs.
import {
  follow, isUpdate, known, Refused, snapshot, snapshotHTML, View,
  type ChannelOptions, type Follower, type FollowOptions, type Held, type OlderQuery, type Render, type Session,
  type SnapshotOptions, type Status, type Transport, type Update,
} from "@motacilla/client";
import {
  LivePosts, known as knownToo, View as ViewToo,
  type Labels, type LivePostsStatus, type LivePostsUpdate,
} from "@motacilla/client/element";

const transport: Transport = async ({ url, signal, silenceMs, cursor, deliver }: Session) => {
  const answer = await fetch(`${url.href}?since=${cursor()}&silence=${silenceMs}`, { signal });
  const update: unknown = await answer.json();
  if (!answer.ok) throw new Refused(answer.status, 0);
  if (isUpdate(update)) deliver(update, true);
};
const channel: ChannelOptions = { src: new URL("https://live.example.org"), channel: "match-42", only: ["sse", "own"] };
const options: FollowOptions = {
  ...channel,
  transports: { own: transport },
  onUpdate: (view) => console.log(view.title, view.revision satisfies number),
  onStatus: (status: Status) => console.log(status),
};
const follower: Follower = follow(options);
follower.stop();
follower.start();
await follower.loadOlder();
const posts: Held[] = follower.view.posts();
const render: Render | undefined = posts[0];
const older: OlderQuery | null = follower.view.older();

const query: SnapshotOptions = { ...channel, signal: AbortSignal.timeout(2000) };
const update: Update = await snapshot(query);
const html: string = snapshotHTML(update);
follow({ ...channel, snapshot: update });
const view: View = new ViewToo();
view.apply(update, true);

const element = document.createElement("live-posts");
const same: LivePosts = element;
element.channel = "match-42";
element.labels = { live: "Verbunden" } satisfies Partial<Labels>;
element.addEventListener("live-posts-update", ({ detail }) => detail satisfies LivePostsUpdate);
element.addEventListener("live-posts-status", ({ detail }) => detail satisfies LivePostsStatus);
document.querySelector("live-posts")?.posts satisfies readonly Held[] | undefined;
LivePosts.server = "https://live.example.org";
LivePosts.transports = { ...known, ...knownToo, own: transport };

// What is wrong is an error.
// @ts-expect-error the channel is missing
follow({ src: "https://live.example.org" });
// @ts-expect-error the revision is only read
element.revision = 1;
// @ts-expect-error there is no such status
const status: Status = "happy";

export { html, older, render, same, status };
