import { useEffect, useRef, useState } from "preact/hooks";
import { program } from "../program";
import { failureOf } from "../state/problem";
import type { Invitation, Person, Problem, Right } from "../state/types";
import { t } from "../words";
import { SignInBanner } from "./banners";
import { Icon } from "./icons";
import { shortcuts } from "./keys";
import { Menu } from "./menu";
import { Avatar, Badge, Loading } from "./parts";
import { openChange, openConfirm, openInvite, openReset } from "./persondialogs";
import { problemText } from "./problems";
import { invitationTitle, makerName, rightText } from "./rights";
import { follow, goTo, pathOf } from "./route";
import { openShortcuts } from "./shortcuts";
import { exactly } from "./times";
import { toast, Toasts } from "./toasts";
import { Top } from "./top";

/** The page of people, for admins on all channels: who has an account, and which links are open. */
export function PeopleScreen() {
  const may = program.me.can("", "manage");
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus();
    const before = document.title;
    document.title = `${t("people")} – ${before}`;
    const keys = shortcuts([
      { keys: ["g c"], about: "key_channels", run: () => goTo("") },
      { keys: ["?"], about: "key_help", run: () => openShortcuts() },
    ]);
    return () => {
      keys();
      document.title = before;
    };
  }, []);
  return (
    <div class="app">
      <Top
        title={
          <h1 ref={heading} tabIndex={-1} data-heading="people">
            {t("people")}
          </h1>
        }
      />
      {program.me.session.value === "out" && (
        <div class="top-banners">
          <SignInBanner text={t("problem_signin")} />
        </div>
      )}
      <main class="channels">
        <div class="channels-in">{may ? <Lists /> : <Refused />}</div>
      </main>
      <Toasts />
    </div>
  );
}

/** Whoever is not permitted is told so. Nothing was asked of the server then. */
function Refused() {
  if (program.me.session.value !== "in") return <Loading problem="" again={() => undefined} />;
  return (
    <div class="empty">
      <p>{t("problem_forbidden")}</p>
      <a class="button" href={pathOf("")} onClick={follow("")}>
        {t("all_channels")}
      </a>
    </div>
  );
}

function Lists() {
  const { list, invitations } = program.people;
  const [problem, setProblem] = useState<Problem | null>(null);
  const load = (): void => {
    setProblem(null);
    program.people.load().catch((err: unknown) => setProblem(failureOf(err).problem));
  };
  const session = program.me.session.value;
  useEffect(() => {
    if (session !== "out") load();
    const seen = (): void => void (document.visibilityState === "visible" && load());
    document.addEventListener("visibilitychange", seen);
    return () => document.removeEventListener("visibilitychange", seen);
  }, [session]);
  const people = list.value;
  const links = invitations.value;
  const count = (people?.length ?? 0) + links.length;
  useEffect(() => {
    // What had the focus was removed with its row.
    if (document.activeElement === document.body) document.querySelector<HTMLElement>("[data-heading=people]")?.focus();
  }, [count]);
  if (!people) return <Loading problem={problemText(problem)} again={load} />;
  return (
    <>
      <div class="people-head">
        <p class="hint">{t("people_about")}</p>
        <button type="button" class="button button--main" onClick={openInvite}>
          <Icon name="plus" />
          {t("invite")}
        </button>
      </div>
      {problem && (
        <p class="wrong" role="alert">
          {problemText(problem)}
        </p>
      )}
      {!people.length && <p class="empty">{t("no_people")}</p>}
      {people.length > 0 && (
        <ul class="person-list" aria-label={t("people")}>
          {people.map((p) => (
            <PersonRow key={p.login} person={p} />
          ))}
        </ul>
      )}
      <h2 class="people-links">{t("open_invitations")}</h2>
      {!links.length && <p class="empty">{t("no_invitations")}</p>}
      {links.length > 0 && (
        <ul class="person-list" aria-label={t("open_invitations")}>
          {links.map((link) => (
            <LinkRow key={link.id} link={link} people={people} />
          ))}
        </ul>
      )}
    </>
  );
}

function PersonRow({ person }: { person: Person }) {
  const { login, name, disabled } = person;
  const [busy, setBusy] = useState(false);
  const enable = async (): Promise<void> => {
    if (busy) return;
    setBusy(true);
    try {
      await program.people.change(login, { disabled: false });
      toast(t("said_enabled", { name }));
    } catch (err) {
      toast(problemText(failureOf(err).problem), { wrong: true });
    }
    setBusy(false);
  };
  const disable = (): void =>
    openConfirm(
      { title: t("disable_title", { name }), text: t("disable_text", { name }), action: t("disable"), run: () => program.people.change(login, { disabled: true }) },
      t("said_disabled", { name }),
    );
  const remove = (): void =>
    openConfirm(
      { title: t("delete_person_title", { name }), text: t("delete_person_text"), action: t("delete"), danger: true, run: () => program.people.remove(person) },
      t("deleted", { title: name }),
    );
  return (
    <li class="person" data-person={login} aria-busy={busy}>
      <Avatar name={name} />
      <div class="person-about">
        <p class="person-name">
          <bdi>{name}</bdi>
          {person.who === program.me.who.value?.who && <Badge>{t("you")}</Badge>}
          {disabled && <Badge kind="bad">{t("disabled")}</Badge>}
        </p>
        <p class="hint">
          <bdi>{login}</bdi>
        </p>
        <RightsList rights={person.rights} />
      </div>
      <Menu
        label={t("person_actions", { name })}
        items={[
          { label: t("change_person"), icon: "edit", run: () => openChange(person) },
          !disabled && { label: t("reset"), icon: "link", run: () => openReset(person) },
          disabled ? { label: t("enable"), icon: "check", run: () => void enable() } : { label: t("disable"), icon: "lock", run: disable },
          { label: t("delete"), icon: "trash", danger: true, run: remove },
        ]}
      />
    </li>
  );
}

function RightsList({ rights }: { rights: Right[] }) {
  return (
    <ul class="person-rights" aria-label={t("right_only")}>
      {rights.map((r, i) => (
        <li key={i}>{rightText(r)}</li>
      ))}
    </ul>
  );
}

function LinkRow({ link, people }: { link: Invitation; people: Person[] }) {
  const title = invitationTitle(link);
  const maker = makerName(link.by, people);
  const revoke = (): void =>
    openConfirm(
      { title: t("revoke_title", { title }), text: t("revoke_text"), action: t("revoke"), danger: true, run: () => program.people.revoke(link.id) },
      t("said_revoked"),
    );
  return (
    <li class="person" data-invitation={link.id}>
      <div class="person-about">
        <p class="person-name">
          <bdi>{title}</bdi>
        </p>
        {link.rights && <RightsList rights={link.rights} />}
        <p class="hint">
          {t("valid_until", { time: exactly(link.expires) })}
          {maker && ` · ${t("made_by", { name: maker })}`}
        </p>
      </div>
      <button type="button" class="button" aria-label={t("revoke_named", { title })} onClick={revoke}>
        {t("revoke")}
      </button>
    </li>
  );
}
