import { program } from "../program";
import { number, t } from "../words";
import { titleOf } from "./blocks";
import { Settings } from "./channelsettings";
import type { Desk } from "./desk";
import { focusPost } from "./doings";
import { Icon } from "./icons";
import { Avatar } from "./parts";
import { livePage, showTab } from "./route";
import { exactly } from "./times";

/** Who is here, how many read, and the channel's settings. */
export function ChannelPanel({ desk }: { desk: Desk }) {
  const channel = desk.channel.value;
  return (
    <>
      <Readers desk={desk} />
      <Here desk={desk} />
      {channel && desk.may("write") && <Settings key={channel.id} desk={desk} channel={channel} />}
    </>
  );
}

function Readers({ desk }: { desk: Desk }) {
  const readers = desk.readers.now.value;
  return (
    <section class="section" aria-label={t("readers")}>
      <dl class="figures">
        <div>
          <dt>{t("readers_now")}</dt>
          <dd>{readers ? number(readers.now) : "–"}</dd>
        </div>
        <div>
          <dt>{t("readers_most")}</dt>
          <dd>
            {readers ? number(readers.most) : "–"}
            {readers?.most_at && <small>{exactly(readers.most_at)}</small>}
          </dd>
        </div>
      </dl>
      <p>
        <a class="button" href={livePage(desk.id)} target="_blank" rel="noopener">
          <Icon name="open" />
          {t("live_page")}
          <span class="visually-hidden"> {t("new_tab")}</span>
        </a>
      </p>
    </section>
  );
}

function Here({ desk }: { desk: Desk }) {
  const others = desk.others.value;
  const who = program.me.who.value;
  return (
    <section class="section" aria-label={t("here")}>
      <h3>{t("here")}</h3>
      <ul class="people">
        {who && (
          <li class="me">
            <Avatar name={who.name} />
            <span>{t("you_named", { name: who.name })}</span>
          </li>
        )}
        {others.map((o) => {
          const post = o.post ? desk.shown.value.find((s) => s.post.id === o.post)?.post : undefined;
          return (
            <li key={o.who + o.tab}>
              <Avatar name={o.name} />
              <span>
                <bdi>{o.name}</bdi>
                <span class="people-what">
                  {post ? (
                    <button
                      type="button"
                      onClick={() => {
                        showTab("posts");
                        setTimeout(() => focusPost(post.id));
                      }}
                    >
                      {t("edits", { title: titleOf(post.content, 40) })}
                    </button>
                  ) : o.post ? (
                    t("edits_post")
                  ) : o.draft ? (
                    t("edits_draft")
                  ) : (
                    t("looks_on")
                  )}
                </span>
              </span>
            </li>
          );
        })}
      </ul>
      {!others.length && <p class="hint">{t("nobody_else")}</p>}
    </section>
  );
}
