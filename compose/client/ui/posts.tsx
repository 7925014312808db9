import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../words";
import { say } from "./toasts";
import type { Desk } from "./desk";
import { focusPost } from "./doings";
import { PostCard } from "./post";
import { postInAddress } from "./route";
import { WaitingCard } from "./waiting";
import { Loading } from "./parts";
import { problemText } from "./problems";

/** The posts of the channel, the newest first; what is not sent yet stands above them. */
export function Posts({ desk }: { desk: Desk }) {
  const { posts } = desk;
  const shown = desk.shown.value;
  const waiting = desk.waiting.value;
  const pinned = shown.filter((s) => s.post.pinned);
  const others = shown.filter((s) => !s.post.pinned);
  useFocusKept([...pinned, ...others].map((s) => s.post.id));
  useLinkedPost(desk);
  return (
    <div class="list" data-posts>
      {waiting.length > 0 && (
        <section aria-label={t("waiting_list")}>
          {waiting.map((e) => (
            <WaitingCard key={e.key} desk={desk} entry={e} />
          ))}
        </section>
      )}
      {!posts.list.value && !shown.length && <Loading problem={problemText(posts.problem.value)} again={() => location.reload()} />}
      {!!posts.list.value && !shown.length && !waiting.length && <p class="empty">{t("no_posts")}</p>}
      {pinned.length > 0 && (
        <section aria-label={t("pinned_posts")}>
          {pinned.map(({ post, waits }) => (
            <PostCard key={post.id} desk={desk} post={post} waits={waits} />
          ))}
        </section>
      )}
      {others.map(({ post, waits }) => (
        <PostCard key={post.id} desk={desk} post={post} waits={waits} />
      ))}
      {posts.more.value !== null && posts.list.value && <Older desk={desk} />}
    </div>
  );
}

function Older({ desk }: { desk: Desk }) {
  const [busy, setBusy] = useState(false);
  return (
    <p class="more">
      <button
        type="button"
        class="button"
        aria-disabled={busy}
        onClick={async () => {
          if (busy) return;
          setBusy(true);
          await desk.posts.loadMore().catch(() => say(t("older_failed")));
          setBusy(false);
        }}
      >
        {busy ? t("loading") : t("older")}
      </button>
    </p>
  );
}

/** A post that has the focus keeps it when it gets another place, such as above the others. If it is gone, its neighbour gets it. */
function useFocusKept(ids: string[]): void {
  const last = useRef<{ ids: string[]; focused: string }>({ ids: [], focused: "" });
  useEffect(() => {
    const note = (e: FocusEvent): void => {
      const card = e.target instanceof Element ? e.target.closest<HTMLElement>("[data-post]") : null;
      last.current.focused = card?.dataset.post ?? "";
    };
    // Whoever leaves a post that is still there wants to.
    const left = (e: FocusEvent): void => {
      const from = e.target as Element;
      setTimeout(() => {
        if (from.isConnected && document.activeElement === document.body) last.current.focused = "";
      });
    };
    document.addEventListener("focusin", note);
    document.addEventListener("focusout", left);
    return () => {
      document.removeEventListener("focusin", note);
      document.removeEventListener("focusout", left);
    };
  }, []);
  useLayoutEffect(() => {
    const { ids: before, focused } = last.current;
    last.current.ids = ids;
    const lost = document.activeElement === document.body || document.activeElement === null;
    if (!lost || !focused || before.join() === ids.join()) return;
    if (ids.includes(focused)) return void focusPost(focused);
    if (!before.includes(focused)) return;
    const at = before.indexOf(focused);
    const next = before.slice(at + 1).find((id) => ids.includes(id)) ?? before.slice(0, at).reverse().find((id) => ids.includes(id));
    if (!next || !focusPost(next)) document.querySelector<HTMLElement>("[data-heading=posts]")?.focus();
  });
}

const mostPages = 20;

/** Goes to the post that the address names, as soon as it is there. */
function useLinkedPost(desk: Desk): void {
  const wanted = useRef(postInAddress());
  const pages = useRef(0);
  const ids = desk.shown.value.map((s) => s.post.id);
  useEffect(() => {
    if (!wanted.current || !desk.posts.list.value) return;
    if (ids.includes(wanted.current)) {
      focusPost(wanted.current);
      wanted.current = "";
    } else if (desk.posts.more.value !== null && pages.current++ < mostPages) {
      void desk.posts.loadMore().catch(() => undefined);
    } else {
      wanted.current = "";
      say(t("post_gone"));
    }
  }, [ids.join(), desk.posts.list.value === null]);
}
