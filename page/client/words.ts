import type { Labels } from "./labels";
import { isObject } from "./update";

/** The words of a language, as the server has them (page/words.go). */
export interface Words {
  language: string;
  direction: string;
  words: Record<string, string>;
  plurals: Record<string, Record<string, string>>;
}

/** Reports whether a value from the network has the form of words. */
export function isWords(value: unknown): value is Words {
  return isObject(value) && typeof value.language === "string" && isObject(value.words) && isObject(value.plurals);
}

/** Returns the words of the page that a server rendered, or null if they are the English ones that are built in. */
export function wordsOfPage(): Words | null {
  try {
    const value: unknown = JSON.parse(document.querySelector("script[data-live-words]")?.textContent ?? "null");
    return isWords(value) ? value : null;
  } catch {
    return null;
  }
}

const languages = new Map<string, Promise<Words | null>>();

/** Returns a server's words of a language, or null if it has none. A region's language falls back to the language. */
export function wordsOf(server: URL, language: string): Promise<Words | null> {
  const key = `${server} ${language}`;
  let words = languages.get(key);
  if (!words) {
    words = load(server, language);
    languages.set(key, words);
    // What could not be loaded is asked for again by the next element.
    words.then((found) => found ?? languages.delete(key), () => languages.delete(key));
  }
  return words;
}

async function load(server: URL, language: string): Promise<Words | null> {
  for (let tag = language; tag; tag = tag.replace(/-?[^-]*$/, "")) {
    const answer = await fetch(new URL(`assets/words.${encodeURIComponent(tag)}.json`, server), { credentials: "omit" });
    if (answer.status === 404) continue;
    const value: unknown = answer.ok ? await answer.json() : null;
    return isWords(value) ? value : null;
  }
  return null;
}

/**
 * Returns the texts of a reader. An element in a page of another site says some of them in other words, which have keys
 * that begin with element_.
 */
export function labelsOf(from: Words, element = false): Partial<Labels> {
  const labels: Record<string, unknown> = {};
  for (const [key, text] of Object.entries(from.words)) {
    if (!key.startsWith("element_")) labels[camel(key)] = text;
  }
  for (const key of ["gone", "refused"]) {
    const text = from.words[`element_${key}`];
    if (element && text) labels[key] = text;
  }
  const rules = new Intl.PluralRules(from.language);
  const numbers = new Intl.NumberFormat(localeOf(from.language));
  for (const [key, forms] of Object.entries(from.plurals)) {
    labels[camel(key)] = (n: number): string =>
      (forms[rules.select(n)] ?? forms.other ?? "").replace("{count}", numbers.format(n));
  }
  return labels as Partial<Labels>;
}

function camel(key: string): string {
  return key.replace(/_(.)/g, (_, c: string) => c.toUpperCase());
}

/** Returns the reader's own variety of a language, such as de-AT for de, for times and numbers. */
export function localeOf(language: string): string {
  const base = language.split("-")[0];
  return navigator.languages.find((l) => l.split("-")[0] === base) ?? language;
}

/** Writes a text that has an element, such as a time, in the place of {time}. */
export function write(into: Element, text: string): void {
  const time = into.querySelector("time");
  const [before = "", after = ""] = text.split("{time}");
  if (time) into.replaceChildren(before, time, after);
  else into.textContent = text.replace("{time}", "").trim();
}

/** Says a post's words in other words: those of elements with data-live-word, such as "Edited". */
export function reword(post: Element, labels: Partial<Labels>): void {
  for (const element of post.querySelectorAll<HTMLElement>("[data-live-word]")) {
    const text = (labels as Record<string, unknown>)[camel(element.dataset.liveWord ?? "")];
    if (typeof text === "string") write(element, text.replace("{provider}", element.dataset.liveProvider ?? ""));
  }
}
