import { rootOf } from "./scroll";

const relative = new Intl.RelativeTimeFormat(pageLanguage(), { numeric: "auto" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Writes times in words: "3 minutes ago" within the hour, the local time of day on the same day. */
export function tellTimes(root: ParentNode): void {
  const now = Date.now();
  const selection = root instanceof Node ? rootOf(root).selection : null;
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[datetime]")) {
    const at = Date.parse(element.dateTime);
    if (Number.isNaN(at)) continue;
    const said = say(at, now);
    if (element.textContent !== said && !selection?.containsNode(element, true)) {
      element.textContent = said;
    }
    if (!element.title) element.title = full.format(at);
  }
}

/** A server that imports this module has no document. */
function pageLanguage(): string {
  return (typeof document === "undefined" ? "" : document.documentElement.lang) || "en";
}

function say(at: number, now: number): string {
  const minutes = Math.round((at - now) / 60_000);
  if (Math.abs(minutes) < 1) return "just now";
  if (minutes < 0 && minutes > -60) return relative.format(minutes, "minute");
  const sameDay = new Date(at).toDateString() === new Date(now).toDateString();
  return sameDay ? clock.format(at) : full.format(at);
}
