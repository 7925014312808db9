import type { Post } from "../model";
import { t } from "../words";
import { Blocks, titleOf } from "./blocks";
import type { Desk } from "./desk";
import { copyLink, remove, setFlags } from "./doings";
import { openHistory } from "./history";
import { Icon } from "./icons";
import { Menu } from "./menu";
import { Badge, Time, Tool } from "./parts";
import { showTab } from "./route";

/** Opens a post in the composer. */
export async function edit(desk: Desk, post: Post): Promise<void> {
  showTab("write");
  await desk.writing.open({ kind: "post", post });
  desk.writing.focus();
}

export function PostCard({ desk, post, waits }: { desk: Desk; post: Post; waits: boolean }) {
  const write = desk.may("write");
  const others = desk.others.value.filter((o) => o.post === post.id);
  const look = [
    "post",
    post.key_event && "post--key",
    post.pinned && "post--pinned",
    !post.show && "post--hidden",
    desk.writing.editing.value === post.id && "is-edited",
  ];
  const edited = Date.parse(post.modified) - Date.parse(post.created) > 1_000;
  return (
    <article class={look.filter(Boolean).join(" ")} data-post={post.id} tabIndex={-1} aria-label={titleOf(post.content)}>
      <div class="post-facts">
        <Time at={post.created} />
        {post.author && (
          <bdi class="post-author">{post.author}</bdi>
        )}
        {edited && <span>{t("edited")}</span>}
        {post.pinned && <Badge icon="pin" kind="pin">{t("pinned")}</Badge>}
        {post.key_event && <Badge icon="star" kind="key">{t("key_event")}</Badge>}
        {!post.show && <Badge icon="hide">{t("hidden")}</Badge>}
        {waits && <Badge icon="clock" kind="wait">{t("waits")}</Badge>}
        {others.map((o) => (
          <span class="post-who" key={o.who + o.tab}>
            <Icon name="edit" />
            {t("edits_this", { name: o.name })}
          </span>
        ))}
      </div>
      <Blocks content={post.content} />
      {write ? <Tools desk={desk} post={post} /> : <Propose desk={desk} post={post} />}
    </article>
  );
}

function Tools({ desk, post }: { desk: Desk; post: Post }) {
  return (
    <div class="post-tools" role="group" aria-label={t("post_actions")}>
      <button type="button" class="button button--plain" onClick={() => void edit(desk, post)}>
        <Icon name="edit" />
        {t("edit")}
      </button>
      <Tool
        icon="pin"
        class="tool--pin"
        label={t("pin")}
        shortcut="P"
        pressed={post.pinned}
        onClick={() => setFlags(desk, post, { pinned: !post.pinned })}
      />
      <Tool
        icon="star"
        class="tool--key"
        label={t("key_event")}
        pressed={post.key_event}
        onClick={() => setFlags(desk, post, { key_event: !post.key_event })}
      />
      <Tool
        icon={post.show ? "show" : "hide"}
        label={t("hide")}
        shortcut="H"
        pressed={!post.show}
        onClick={() => setFlags(desk, post, { show: !post.show })}
      />
      <Menu
        label={t("more_actions")}
        items={[
          { label: t("history"), icon: "history", run: () => openHistory(desk, post) },
          { label: t("copy_link"), icon: "link", run: () => void copyLink(desk, post) },
          { label: t("delete"), icon: "trash", shortcut: "Del", danger: true, run: () => void remove(desk, post) },
        ]}
      />
    </div>
  );
}

/** Contributors propose changes. */
function Propose({ desk, post }: { desk: Desk; post: Post }) {
  return (
    <div class="post-tools">
      <button type="button" class="button button--plain" onClick={() => void edit(desk, post)}>
        <Icon name="edit" />
        {t("propose")}
      </button>
    </div>
  );
}
