// Passkeys in the pages for accounts. The server shows what this script is to offer as boxes with data-passkey and buttons with
// data-remove, which are hidden without it. Package access/people answers.
import { Autofill } from "./autofill";
import { Account, Refused, type Asking, type Use } from "./ceremony";
import { tellTimes } from "./times";

const data = document.querySelector<HTMLElement>("script[data-passkey-words]");
const words: Record<string, string> = JSON.parse(data?.textContent ?? "{}");
const account = new Account(new URL(`${data?.dataset.api}/`, document.baseURI));

/** What an answer says, by what was asked for. */
const answers: Record<string, string> = {
  "sign-in 401": "passkey_unknown",
  "invitation 404": "invitation_gone",
  "invitation 409": "login_taken",
  "removal 409": "passkey_last",
};

/** Returns the key of the word that says why a passkey was not made, did not sign in, or was not removed. */
function reason(error: unknown, use: Use | "removal"): string {
  if (error instanceof Refused) {
    const { status, field } = error;
    if (status === 429) return "signin_wait";
    if (field === "login") return "login_invalid";
    if (field === "name") return "name_invalid";
    if (field === "id") return "passkey_cancelled"; // the challenge is no longer known
    return answers[`${use} ${status}`] ?? "passkey_failed";
  }
  switch (error instanceof Error ? error.name : "") {
    case "NotAllowedError":
    case "AbortError":
      return "passkey_cancelled";
    case "InvalidStateError":
      return "passkey_exists";
    case "SecurityError":
      return "passkey_address";
    case "NotSupportedError":
    case "ConstraintError":
      return "passkey_unsupported";
    case "TypeError": // of fetch
      return "passkey_offline";
  }
  return "passkey_failed";
}

/** Reports whether the session has ended. The account's page then leads to the one for signing in. */
function signedOut(error: unknown): boolean {
  return error instanceof Refused && error.status === 401;
}

/** Reports whether it is too long ago that this browser has signed in. The account's page then leads to the one for signing in. */
function stale(error: unknown): boolean {
  return error instanceof Refused && error.status === 403;
}

/** Leads to the page for signing in, and from there back to the account's page. */
function signInAgain(): void {
  location.assign(`sign-in?next=${encodeURIComponent(location.pathname)}`);
}

/** Does what a press of the button is for, once at a time. If that works, the page is left, and the button stays busy. */
function onPress(button: HTMLButtonElement, act: () => Promise<void>): void {
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    try {
      await act();
    } catch {
      button.removeAttribute("aria-busy");
    }
  });
}

function offer(box: HTMLElement): void {
  const button = box.querySelector("button");
  if (!button) return;
  const use = box.dataset.passkey as Use;
  const field = (name: string): HTMLInputElement | null => (box.closest("form") ?? box).querySelector(`[name=${name}]`);
  const values = (): Record<string, string> => {
    const all: Record<string, string> = { secret: box.dataset.secret ?? "" };
    for (const name of ["login", "name", "label"]) all[name] = field(name)?.value ?? "";
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value));
  };
  const say = (word?: string): void => {
    const said = box.querySelector("[role=alert]");
    if (said) said.textContent = (word && words[word]) ?? "";
  };
  const tell = (error: unknown): void => say(reason(error, use));
  const signIn = async (o?: Asking): Promise<void> => leave(await account.signIn(box.dataset.next ?? "", o));
  const autofill = use === "sign-in" ? new Autofill(signIn, tell) : null;
  onPress(button, async () => {
    say();
    for (const name of ["login", "name"]) if (field(name)?.reportValidity() === false) throw new Error(name);
    try {
      await autofill?.stop();
      await (use === "sign-in" ? signIn() : account.make(use, values()).then(leave));
    } catch (error) {
      if (use === "account" && signedOut(error)) return leave();
      if (use === "account" && stale(error)) return signInAgain();
      tell(error);
      autofill?.start();
      throw error;
    }
  });
  field("label")?.addEventListener("keydown", (e) => e.key === "Enter" && button.click());
  box.hidden = false;
  autofill?.start();
}

/** Goes on to a page of this site, or shows this page again. */
function leave(next?: string): void {
  const url = new URL(next ?? "", location.href);
  if (!next || url.origin !== location.origin) location.reload();
  else location.assign(url);
}

/** Offers to remove a passkey, which has a name, or to end a session. */
function offerRemoval(button: HTMLButtonElement): void {
  const { remove = "", name } = button.dataset;
  const say = (word: string): void => {
    const said = document.querySelector("[data-passkey-said]");
    if (said) said.textContent = words[word] ?? "";
  };
  onPress(button, async () => {
    if (name !== undefined && !confirm(words.passkey_sure?.replace("{name}", name))) throw new Error("not sure");
    try {
      await account.remove(remove);
    } catch (error) {
      if (signedOut(error)) return leave();
      if (stale(error)) return signInAgain();
      say(reason(error, "removal"));
      throw error;
    }
    button.closest("section")?.querySelector<HTMLElement>("[tabindex]")?.focus();
    button.closest("li")?.remove();
    say(name === undefined ? "signed_out" : "passkey_removed");
  });
  button.hidden = false;
}

tellTimes(document);
if (typeof PublicKeyCredential === "function") document.querySelectorAll<HTMLElement>("[data-passkey]").forEach(offer);
document.querySelectorAll<HTMLButtonElement>("[data-remove]").forEach(offerRemoval);
