import type { Block } from "../model";

/** What of a block a person has written. The rest is the server's: sizes, sources and cards come later, and are no change. */
function written(b: Block): unknown[] {
  switch (b.type) {
    case "text":
      return [b.type, b.value.text];
    case "image":
      return [b.type, b.value.media ?? b.value.local ?? b.value.url, b.value.alt];
    case "embed":
      return [b.type, b.value.url];
    case "score": {
      const { home, away, home_score, away_score, note } = b.value;
      return [b.type, home, away, home_score, away_score, note];
    }
  }
}

/** Whether two values of a field of a post or draft are the same to a person. */
export function same(field: string, a: unknown, b: unknown): boolean {
  if (field === "content") return JSON.stringify((a as Block[]).map(written)) === JSON.stringify((b as Block[]).map(written));
  if (field === "created" && typeof a === "string" && typeof b === "string") return instant(a) === instant(b);
  return (a ?? "") === (b ?? "");
}

/** Returns a time to the microsecond, which Date does not have. */
function instant(time: string): string {
  const fraction = (/\.(\d+)/.exec(time)?.[1] ?? "").padEnd(6, "0").slice(0, 6);
  return `${Math.floor(Date.parse(time) / 1000)}.${fraction}`;
}

type Fields = object;
const get = (o: Fields, field: string): unknown => (o as Record<string, unknown>)[field];

/** Returns the fields of body that differ from what its writer saw. */
export function changedFields<T extends Fields>(body: T, was: Fields): Partial<T> {
  const entries = Object.entries(body).filter(([field, value]) => !(field in was) || !same(field, value, get(was, field)));
  return Object.fromEntries(entries) as Partial<T>;
}

/** Whether somebody has changed a field that body changes, to something else. */
export function clash(body: Fields, was: Fields, theirs: Fields): boolean {
  return Object.entries(body).some(
    ([field, value]) => !same(field, get(theirs, field), get(was, field)) && !same(field, get(theirs, field), value),
  );
}

/** Returns the words of a content, without its marks. The server may have written the marks anew. */
export function wordsOf(content: Block[]): string {
  return content
    .map((b) => (b.type === "text" ? (new DOMParser().parseFromString(b.value.text, "text/html").body.textContent ?? "") : written(b).join(" ")))
    .join(" ")
    .replace(/\s+/g, " ")
    .trim();
}
