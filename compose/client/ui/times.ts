import { signal } from "@preact/signals";
import { config } from "../config";
import { localeOf } from "../words";

const locale = localeOf(config.lang);
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });

/** The present, for texts such as "3 min. ago". It goes on every half minute. */
export const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 30_000);

/** Says when something was or will be: minutes within the hour, the time within the day, otherwise the date too. */
export function when(time: string, from = now.value): string {
  const at = Date.parse(time);
  if (Number.isNaN(at)) return "";
  const minutes = Math.round((at - from) / 60_000);
  if (minutes === 0) return relative.format(0, "second");
  if (Math.abs(minutes) < 60) return relative.format(minutes, "minute");
  return new Date(at).toDateString() === new Date(from).toDateString() ? clock.format(at) : full.format(at);
}

export function exactly(time: string): string {
  const at = Date.parse(time);
  return Number.isNaN(at) ? "" : full.format(at);
}

export function onDay(time: string): string {
  const at = Date.parse(time);
  return Number.isNaN(at) ? "" : day.format(at);
}

/** The value of a field for a local date and time. */
export function toField(time: string | undefined): string {
  if (!time) return "";
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return "";
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

/** The time that a field has; undefined if it is empty. */
export function fromField(value: string): string | undefined {
  const at = new Date(value);
  return value && !Number.isNaN(at.getTime()) ? at.toISOString() : undefined;
}
