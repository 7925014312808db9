import { config } from "./config";

/** Returns a text in the page's language. Names in braces are replaced. */
export function t(key: string, values: Values = {}): string {
  return filled(config.words[key] ?? key, values);
}

/** Returns a text that depends on a number, which is also in the place of {count}. */
export function tn(key: string, count: number, values: Values = {}): string {
  const forms = config.plurals[key] ?? {};
  return filled(forms[plurals.select(count)] ?? forms.other ?? key, { ...values, count });
}

type Values = Record<string, string | number>;

function filled(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? number(value) : value;
  });
}

const locale = localeOf(config.lang);
const figures = new Intl.NumberFormat(locale);
const plurals = new Intl.PluralRules(locale);

/** Writes a number with the language's own digits and separators. */
export function number(n: number): string {
  return figures.format(n);
}

/** The locale of times and numbers: the page's language, in the writer's own region where the browser says so. */
export function localeOf(language: string): string {
  const own = navigator.languages.find((l) => l.split("-")[0] === language);
  try {
    return Intl.getCanonicalLocales(own ?? language)[0] ?? "en";
  } catch {
    return "en";
  }
}
