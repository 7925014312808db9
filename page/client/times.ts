import { english } from "./labels";
import { rootOf } from "./scroll";
import { localeOf, wordsOfPage } from "./words";

/** Writes times in words, in one language and the reader's time zone. */
export class Clock {
  private readonly relative: Intl.RelativeTimeFormat;
  private readonly clock: Intl.DateTimeFormat;
  private readonly full: Intl.DateTimeFormat;
  private readonly justNow: string;

  /** Without justNow, the browser's word for "now" is used in languages other than English. */
  constructor(language: string, justNow?: string) {
    const locale = supported(localeOf(language));
    this.relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
    this.clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
    this.full = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
    this.justNow = justNow ?? (/^en\b/.test(language) ? english.justNow : this.relative.format(0, "second"));
  }

  /** Writes the times below root: "3 minutes ago" within the hour, the local time of day on the same day. */
  tell(root: ParentNode): void {
    const now = Date.now();
    const selection = root instanceof Node ? rootOf(root).selection : null;
    for (const element of root.querySelectorAll<HTMLTimeElement>("time[datetime]")) {
      const at = Date.parse(element.dateTime);
      if (Number.isNaN(at)) continue;
      const said = this.say(at, now);
      if (element.textContent !== said && !selection?.containsNode(element, true)) {
        element.textContent = said;
      }
      const title = this.full.format(at);
      if (element.title !== title) element.title = title;
    }
  }

  private say(at: number, now: number): string {
    const minutes = Math.round((at - now) / 60_000);
    if (Math.abs(minutes) < 1) return this.justNow;
    if (minutes < 0 && minutes > -60) return this.relative.format(minutes, "minute");
    const sameDay = new Date(at).toDateString() === new Date(now).toDateString();
    return sameDay ? this.clock.format(at) : this.full.format(at);
  }
}

/** Returns the locale if the browser knows it, and the browser's default otherwise. */
function supported(locale: string): string | undefined {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(locale)[0];
  } catch {
    return undefined;
  }
}

let own: Clock | undefined;

/** Returns the clock of the document's language. */
export function pageClock(): Clock {
  return (own ??= new Clock(document.documentElement.lang || "en", wordsOfPage()?.words.just_now));
}

/** Writes the times below root in words, in the language of the document. */
export function tellTimes(root: ParentNode): void {
  pageClock().tell(root);
}
