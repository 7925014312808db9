import type { ComponentChildren } from "preact";
import { config } from "../config";
import { program } from "../program";
import { t, tn } from "../words";
import { Icon } from "./icons";
import { Menu } from "./menu";
import { Avatar } from "./parts";
import { follow, pathOf } from "./route";
import { openShortcuts } from "./shortcuts";
import { editorShortcuts } from "./editorkeys";

/** The bar at the top: where one is, how the connection is, and the account. */
export function Top({ title, children }: { title?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <header class="top">
      {title ? (
        <>
          <a class="icon-button" href={pathOf("")} onClick={follow("")} aria-label={t("all_channels")} title={t("all_channels")}>
            <Icon name="back" turns />
          </a>
          <div class="top-title">{title}</div>
        </>
      ) : (
        <a class="brand" href={config.home || "/"}>
          <bdi>{config.site}</bdi>
        </a>
      )}
      <div class="top-side">
        {children}
        <button
          type="button"
          class="icon-button only-wide"
          aria-label={t("shortcuts")}
          title={`${t("shortcuts")} (?)`}
          onClick={() => openShortcuts(editorShortcuts())}
        >
          <Icon name="help" />
        </button>
        <Account />
      </div>
    </header>
  );
}

function Account() {
  const who = program.me.who.value;
  return (
    <Menu
      label={who ? t("account_of", { name: who.name }) : t("account")}
      button={who ? <Avatar name={who.name} /> : <Icon name="person" />}
      head={
        who && (
          <>
            <strong>
              <bdi>{who.name}</bdi>
            </strong>
            <span class="hint">
              <bdi>{who.who.replace(/^\w+\//, "")}</bdi>
            </span>
          </>
        )
      }
      items={[
        { label: t("shortcuts"), icon: "help", shortcut: "?", run: () => openShortcuts(editorShortcuts()) },
        Boolean(config.account) && { label: t("account"), icon: "person", href: config.account },
        Boolean(config.signOut && who) && { label: t("sign_out"), icon: "signout", run: signOut },
      ]}
    />
  );
}

/** The site's own page ends the session. What waits in this browser stays here. */
function signOut(): void {
  const form = document.createElement("form");
  form.method = "post";
  form.action = config.signOut;
  document.body.append(form);
  form.submit();
}

export type ConnectionState = "live" | "connecting" | "offline" | "refused";

/** How the connection is, and how much waits to be sent. */
export function State({ state, waiting }: { state: ConnectionState; waiting: number }) {
  const text = waiting ? `${t(`state_${state}`)} · ${tn("waiting", waiting)}` : t(`state_${state}`);
  return (
    <span class="state" data-state={state} role="status">
      <span class={waiting ? "" : "state-text"}>{text}</span>
    </span>
  );
}
