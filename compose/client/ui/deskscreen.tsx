import { useEffect, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { t } from "../words";
import { Banners } from "./banners";
import { ChannelPanel } from "./channelpanel";
import { Composer, ComposerHead } from "./composer";
import { Desk } from "./desk";
import { deskKeys } from "./deskkeys";
import { Drafts } from "./drafts";
import { Icon, type IconName } from "./icons";
import { shortcuts } from "./keys";
import { tellOvertaken } from "./overtaken";
import { Avatar, Badge } from "./parts";
import { Posts } from "./posts";
import { problemText } from "./problems";
import { follow, pathOf, showTab, tab, type Tab } from "./route";
import { tellSettled } from "./settled";
import { Toasts } from "./toasts";
import { State, Top } from "./top";
import { width } from "./viewport";

const icons: Record<Tab, IconName> = { write: "edit", posts: "list", drafts: "file", channel: "gear" };

/** The desk of a channel. On a phone it is one column, otherwise two or three. */
export function DeskScreen({ id }: { id: string }) {
  const [desk] = useState(() => new Desk(id));
  useEffect(() => {
    const tell = tellSettled(desk);
    const overtaken = tellOvertaken(desk);
    const keys = shortcuts(deskKeys(desk));
    return () => {
      keys();
      tell();
      overtaken();
      desk.close();
    };
  }, [desk]);
  const channel = desk.channel.value;
  useEffect(() => {
    const before = document.title;
    if (channel) document.title = `${channel.title} – ${before}`;
    return () => {
      document.title = before;
    };
  }, [channel?.title]);
  const others = [...new Map(desk.others.value.map((o) => [o.who, o])).values()];
  return (
    <div class="app">
      <Top
        title={
          <>
            <h1 dir="auto">{channel?.title ?? id}</h1>
            {channel?.ended && <Badge>{t("ended")}</Badge>}
            {channel?.access === "private" && <Badge icon="lock">{t("private")}</Badge>}
          </>
        }
      >
        {others.length > 0 && (
          <ul class="faces only-wide" aria-label={t("here")}>
            {others.slice(0, 4).map((o) => (
              <li key={o.who} title={o.name}>
                <Avatar name={o.name} />
                <span class="visually-hidden">{o.name}</span>
              </li>
            ))}
          </ul>
        )}
        <State state={desk.state.value} waiting={desk.unsent.value} />
      </Top>
      <Banners desk={desk} />
      {desk.gone.value ? <Gone desk={desk} /> : <Columns desk={desk} />}
      <Toasts />
    </div>
  );
}

function Columns({ desk }: { desk: Desk }) {
  const layout = width.value;
  const now = tab.value;
  if (layout === "phone") {
    return (
      <main class="columns">
        <Panel desk={desk} name="write" shown={now === "write"} />
        <Panel desk={desk} name="posts" shown={now === "posts"} />
        <Panel desk={desk} name="drafts" shown={now === "drafts"} />
        <Panel desk={desk} name="channel" shown={now === "channel"} />
        <Tabs desk={desk} names={["write", "posts", "drafts", "channel"]} now={now} />
      </main>
    );
  }
  const side: Tab[] = layout === "two" ? ["posts", "drafts", "channel"] : ["drafts", "channel"];
  const shown = side.includes(now) ? now : side[0]!;
  return (
    <main class="columns">
      <Panel desk={desk} name="write" shown />
      {layout === "three" && <Panel desk={desk} name="posts" shown />}
      <div class="column">
        <Tabs desk={desk} names={side} now={shown} />
        {side.map((name) => (
          <Panel key={name} desk={desk} name={name} shown={name === shown} inside />
        ))}
      </div>
    </main>
  );
}

interface PanelProps {
  desk: Desk;
  name: Tab;
  shown: boolean;
  /** The panel is below tabs, which say what it is. */
  inside?: boolean;
}

/** A part of the desk. One that is not shown stays as it is: the composer has its text. */
function Panel({ desk, name, shown, inside }: PanelProps) {
  const content: Record<Tab, () => ComponentChildren> = {
    write: () => <Composer desk={desk} />,
    posts: () => <Posts desk={desk} />,
    drafts: () => <Drafts desk={desk} />,
    channel: () => <ChannelPanel desk={desk} />,
  };
  return (
    <section class="column" hidden={!shown} aria-label={t(`tab_${name}`)} data-panel={name}>
      {name === "write" ? (
        <ComposerHead desk={desk} />
      ) : (
        <div class={inside ? "visually-hidden" : "panel-head"}>
          <h2 tabIndex={-1} data-heading={name}>
            {t(`tab_${name}`)}
          </h2>
        </div>
      )}
      <div class="scroll">{content[name]()}</div>
    </section>
  );
}

function Tabs({ desk, names, now }: { desk: Desk; names: Tab[]; now: Tab }) {
  const submitted = (desk.drafts.list.value ?? []).filter((d) => d.state === (desk.may("write") ? "submitted" : "returned")).length;
  const bad = desk.entries.value.filter((e) => e.state === "conflict" || e.state === "refused").length;
  const counts: Partial<Record<Tab, [count: number, label: string, bad: boolean]>> = {
    drafts: [submitted, desk.may("write") ? "drafts_submitted" : "drafts_returned", false],
    posts: [bad, "need_you", true],
  };
  return (
    <nav class="tabs" aria-label={t("tabs")}>
      {names.map((name) => {
        const [count, label, wrong] = counts[name] ?? [0, "", false];
        return (
          <button key={name} type="button" aria-current={name === now ? "true" : undefined} data-tab={name} onClick={() => showTab(name)}>
            <Icon name={icons[name]} />
            {t(`tab_${name}`)}
            {count > 0 && (
              <span class={wrong ? "count count--bad" : "count"}>
                <span class="visually-hidden">{t(label)}: </span>
                {count}
              </span>
            )}
          </button>
        );
      })}
    </nav>
  );
}

/** The channel is not there, or not for this person. */
function Gone({ desk }: { desk: Desk }) {
  return (
    <main class="channels">
      <div class="channels-in">
        <div class="channels-head">
          <h1>{problemText(desk.gone.value)}</h1>
        </div>
        <a class="button" href={pathOf("")} onClick={follow("")}>
          {t("all_channels")}
        </a>
      </div>
    </main>
  );
}
