import { useEffect, useRef, useState } from "preact/hooks";
import type { Post } from "../model";
import { t } from "../words";
import { whoWrote } from "./authorship";
import { openTheirs } from "./conflict";
import type { Desk } from "./desk";

/** Says at once if somebody else has changed, or removed, the post that is being edited here. */
export function Others({ desk }: { desk: Desk }) {
  const target = desk.writing.target.value;
  if (target.kind !== "post" || !desk.posts.list.value) return null;
  return <OtherVersion key={target.post.id} desk={desk} target={target} />;
}

function OtherVersion({ desk, target }: { desk: Desk; target: { kind: "post"; post: Post } }) {
  const seen = useRef(false);
  const now = desk.posts.list.value?.find((p) => p.id === target.post.id);
  if (now) seen.current = true;
  const removed = !now && seen.current;
  const also = desk.others.value.filter((o) => o.post === target.post.id);
  const newer = now !== undefined && now.revision !== desk.writing.base.value && !ownEdit(desk, target.post.id);
  const says = (p: Post): string => JSON.stringify([p.content, p.author, p.created]);
  const changed = newer && says(now) !== says(target.post);
  const name = useWriter(desk, changed ? now : undefined);
  // What says the same was only pinned or hidden: the writer goes on from there.
  useEffect(() => {
    if (newer && !changed) desk.writing.rebase({ kind: "post", post: now });
  });
  return (
    <div aria-live="polite">
      {(changed || removed) && (
        <div class="banner banner--bad">
          <p>{removed ? t("removed_meanwhile") : t("changed_meanwhile", { name: name || t("somebody") })}</p>
          <button type="button" class="button" onClick={() => openTheirs(desk, now ?? null)}>
            {t("show_theirs")}
          </button>
        </div>
      )}
      {!changed && !removed && also.length > 0 && (
        <div class="banner">
          <p>{t("also_edits", { name: also.map((o) => o.name).join(", ") })}</p>
        </div>
      )}
    </div>
  );
}

/** The name of whoever has made the version, as soon as the history has told it. */
function useWriter(desk: Desk, post: Post | undefined): string {
  const [name, setName] = useState("");
  useEffect(() => {
    let old = false;
    setName("");
    if (post && desk.may("write")) void whoWrote(desk, post).then((found) => old || setName(found));
    return () => {
      old = true;
    };
  }, [post?.revision]);
  return name;
}

/** Whether a change of this browser's own is on its way. */
function ownEdit(desk: Desk, post: string): boolean {
  return desk.entries.value.some((e) => e.change.kind === "edit" && e.change.post === post);
}
