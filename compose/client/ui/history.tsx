import { useEffect, useState } from "preact/hooks";
import type { Post } from "../model";
import { failureOf } from "../state/problem";
import type { Problem, Version } from "../state/types";
import { t } from "../words";
import { wordsOf } from "./blocks";
import type { Desk } from "./desk";
import { Dialog, openDialog } from "./dialog";
import { Badge, Loading, Time } from "./parts";
import { problemText } from "./problems";
import { toast } from "./toasts";

/** Opens the list of a post's versions. */
export function openHistory(desk: Desk, post: Post): void {
  openDialog((close) => <History desk={desk} post={post} close={close} />);
}

function History({ desk, post, close }: { desk: Desk; post: Post; close(): void }) {
  const [list, setList] = useState<Version[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [restoring, setRestoring] = useState(false);
  const load = (before: string | null): void => {
    setProblem(null);
    desk.versions.list(post.id, before).then(
      (page) => {
        setList((had) => (before ? [...had, ...page.versions] : page.versions));
        setNext(page.next);
      },
      (err: unknown) => setProblem(failureOf(err).problem),
    );
  };
  useEffect(() => load(null), []);
  const restore = async (v: Version): Promise<void> => {
    if (restoring) return;
    setRestoring(true);
    try {
      await desk.versions.restore(post.id, v.revision, post.revision);
      close();
      toast(t("restored"));
    } catch (err) {
      setRestoring(false);
      const { problem: why } = failureOf(err);
      toast(why.status === 412 ? t("restore_changed") : problemText(why), { wrong: true });
    }
  };
  return (
    <Dialog title={t("history")} close={close}>
      {!list.length && <Loading problem={problemText(problem)} again={() => load(null)} />}
      <ol class="versions">
        {list.map((v) => (
          <li class="version" key={v.revision}>
            <div class="version-facts">
              <Time at={v.at} />
              <bdi>{v.name || t("somebody")}</bdi>
              {v.current && <Badge kind="pin">{t("current")}</Badge>}
              {v.removed && <Badge kind="bad">{t("was_deleted")}</Badge>}
              {v.changes.length > 0 && <span>{v.changes.map((c) => t(`change_${c}`)).join(", ")}</span>}
            </div>
            {/* The server makes it of text, with ins, del and br alone. */}
            {!v.diff && !v.removed && <Whole desk={desk} post={post} revision={v.revision} />}
            {v.diff && <div class="version-text" dir="auto" dangerouslySetInnerHTML={{ __html: v.diff }} />}
            {!v.current && !v.removed && (
              <button type="button" class="button" aria-disabled={restoring} onClick={() => void restore(v)}>
                {t("restore")}
              </button>
            )}
          </li>
        ))}
      </ol>
      {next !== null && (
        <p class="more">
          <button type="button" class="button" onClick={() => load(next)}>
            {t("older_versions")}
          </button>
        </p>
      )}
    </Dialog>
  );
}

/** The text of a version that has nothing before it to be compared with. */
function Whole({ desk, post, revision }: { desk: Desk; post: Post; revision: number }) {
  const [text, setText] = useState("");
  useEffect(() => {
    desk.versions.get(post.id, revision).then(
      (v) => setText(v.post ? wordsOf(v.post.content) : ""),
      () => undefined,
    );
  }, [revision]);
  return (
    <p class="version-text side" dir="auto">
      {text}
    </p>
  );
}
