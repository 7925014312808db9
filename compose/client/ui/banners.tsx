import { config } from "../config";
import { program } from "../program";
import { t } from "../words";
import type { Desk } from "./desk";

/** What the person must know now: nobody is signed in any more, the channel has ended, this browser keeps nothing. */
export function Banners({ desk }: { desk: Desk }) {
  const out = program.me.session.value === "out";
  const trouble = program.trouble.value;
  const foreign = desk.entries.value.filter((e) => !program.outbox.own(e)).length;
  const full = !trouble && program.kept.unsafe.value;
  if (!out && !trouble && !full && !desk.channel.value?.ended && !foreign) return null;
  return (
    <div class="top-banners">
      {out && <SignInBanner text={t("session_ended")} />}
      {trouble && (
        <div class="banner banner--bad" role="alert">
          <p>{t(`trouble_${trouble}`)}</p>
        </div>
      )}
      {full && (
        <div class="banner banner--bad" role="alert">
          <p>{t("why_memory")}</p>
        </div>
      )}
      {foreign > 0 && (
        <div class="banner" role="status">
          <p>{t("why_account")}</p>
        </div>
      )}
      {desk.channel.value?.ended && (
        <div class="banner">
          <p>{t("channel_ended")}</p>
        </div>
      )}
    </div>
  );
}

/** Tells that nobody is signed in any more, with the way to sign in and back. */
export function SignInBanner({ text }: { text: string }) {
  return (
    <div class="banner banner--bad" role="alert">
      <p>{text}</p>
      {config.signIn && (
        <a class="button" href={backFrom(config.signIn)}>
          {t("sign_in")}
        </a>
      )}
    </div>
  );
}

/** Returns the address of a page for signing in that leads back here. */
function backFrom(signIn: string): string {
  const url = new URL(signIn, location.href);
  url.searchParams.set("next", location.pathname + location.search);
  return url.href;
}
