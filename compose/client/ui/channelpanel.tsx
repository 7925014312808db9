import { useEffect, useState } from "preact/hooks";
import type { Channel } from "../model";
import { program } from "../program";
import { failureOf } from "../state/problem";
import { number, t } from "../words";
import { titleOf } from "./blocks";
import type { Desk } from "./desk";
import { Dialog, openDialog } from "./dialog";
import { focusPost } from "./doings";
import { Icon } from "./icons";
import { Avatar } from "./parts";
import { problemText } from "./problems";
import { goTo, livePage, showTab } from "./route";
import { exactly } from "./times";
import { say, toast } from "./toasts";

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

function Settings({ desk, channel }: { desk: Desk; channel: Channel }) {
  const [title, setTitle] = useState(channel.title);
  const [wrong, setWrong] = useState("");
  useEffect(() => setTitle(channel.title), [channel.title]);

  const patch = async (change: Partial<Pick<Channel, "title" | "access" | "ended">>, said: string): Promise<void> => {
    setWrong("");
    try {
      desk.took(await program.channels.patch(channel.id, change));
      toast(t(said));
    } catch (err) {
      const text = problemText(failureOf(err).problem);
      setWrong(text);
      say(text);
    }
  };
  return (
    <section class="section" aria-label={t("settings")}>
      <h3>{t("settings")}</h3>
      <form
        class="form"
        onSubmit={(e) => {
          e.preventDefault();
          void patch({ title: title.trim() }, "said_saved");
        }}
      >
        <div class="field">
          <label for="channel-title">{t("channel_title")}</label>
          <input
            id="channel-title"
            class="input"
            dir="auto"
            value={title}
            maxLength={200}
            onInput={(e) => setTitle(e.currentTarget.value)}
            aria-describedby="channel-wrong"
          />
        </div>
        {title.trim() !== channel.title && (
          <div class="form-do">
            <button type="submit" class="button button--main">
              {t("save")}
            </button>
            <button type="button" class="button" onClick={() => setTitle(channel.title)}>
              {t("cancel")}
            </button>
          </div>
        )}
        <p id="channel-wrong" class="wrong" role="alert">
          {wrong}
        </p>
        <AccessField value={channel.access} onChange={(access) => void patch({ access }, "said_saved")} />
      </form>
      <div class="form-do">
        {channel.ended ? (
          <button type="button" class="button" data-do="reopen" onClick={() => void patch({ ended: null }, "said_reopened")}>
            {t("reopen")}
          </button>
        ) : (
          <button type="button" class="button" data-do="end" onClick={() => openEnd(() => patch({ ended: new Date().toISOString() }, "said_ended"))}>
            {t("end")}
          </button>
        )}
        {desk.may("manage") && (
          <button type="button" class="button button--plain" onClick={() => openDelete(channel)}>
            {t("delete_channel")}
          </button>
        )}
      </div>
    </section>
  );
}

/** Who may read a channel. */
export function AccessField({ value, onChange }: { value: Channel["access"]; onChange(access: Channel["access"]): void }) {
  return (
    <fieldset>
      <legend>{t("access")}</legend>
      {(["public", "private"] as const).map((access) => (
        <label class="radio" key={access}>
          <input type="radio" name="access" checked={value === access} onChange={() => onChange(access)} />
          <span>{t(`access_${access}`)}</span>
          <span class="hint">{t(`access_${access}_text`)}</span>
        </label>
      ))}
    </fieldset>
  );
}

function openEnd(end: () => Promise<void>): void {
  openDialog((close) => (
    <Dialog
      title={t("end_title")}
      close={close}
      foot={
        <>
          <button type="button" class="button" onClick={close}>
            {t("cancel")}
          </button>
          <button
            type="button"
            class="button button--main"
            data-first
            onClick={() => {
              close();
              void end();
            }}
          >
            {t("end")}
          </button>
        </>
      }
    >
      <p>{t("end_text")}</p>
    </Dialog>
  ));
}

function openDelete(channel: Channel): void {
  openDialog((close) => <Delete channel={channel} close={close} />);
}

/** A channel can't be brought back. So its ID has to be typed. */
function Delete({ channel, close }: { channel: Channel; close(): void }) {
  const [typed, setTyped] = useState("");
  const [wrong, setWrong] = useState("");
  const remove = async (): Promise<void> => {
    if (typed !== channel.id) return setWrong(t("delete_channel_wrong", { id: channel.id }));
    try {
      await program.channels.remove(channel.id);
      close();
      goTo("");
      toast(t("channel_deleted", { title: channel.title }));
    } catch (err) {
      setWrong(problemText(failureOf(err).problem));
    }
  };
  return (
    <Dialog
      title={t("delete_channel_title", { title: channel.title })}
      close={close}
      foot={
        <>
          <button type="button" class="button" onClick={close}>
            {t("cancel")}
          </button>
          <button type="button" class="button button--danger" onClick={() => void remove()}>
            {t("delete_channel")}
          </button>
        </>
      }
    >
      <p>{t("delete_channel_text")}</p>
      <div class="field">
        <label for="delete-id">{t("delete_channel_type", { id: channel.id })}</label>
        <input
          id="delete-id"
          class="input"
          data-first
          dir="ltr"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          value={typed}
          aria-invalid={wrong ? "true" : undefined}
          aria-describedby="delete-wrong"
          onInput={(e) => setTyped(e.currentTarget.value.trim())}
        />
        <p id="delete-wrong" class="wrong" role="alert">
          {wrong}
        </p>
      </div>
    </Dialog>
  );
}
