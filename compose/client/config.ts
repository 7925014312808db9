/** What the server's page hands over to the program. */
export interface Config {
  /** The path below which the site is, such as /news/live, or empty. */
  base: string;
  /** The desk's own path, with base. */
  path: string;
  site: string;
  home: string;
  lang: string;
  dir: "ltr" | "rtl";
  words: Record<string, string>;
  /** By key and plural category. */
  plurals: Record<string, Record<string, string>>;
  /** The style sheets of the live page, for the preview. */
  styles: string[];
  /** Where people see their account, sign in and sign out. Empty if the site has no such pages. */
  account: string;
  signIn: string;
  signOut: string;
  /** Whether the site has accounts, which admins manage. */
  people: boolean;
  images: boolean;
  /** The largest image, in bytes. */
  maxImage: number;
  frames: "off" | "ask" | "show";
  /** How long a deletion can be undone, in milliseconds. */
  undo: number;
}

function read(): Config {
  const element = document.querySelector("script[data-desk]");
  if (!element?.textContent) throw new Error("the page has no configuration of the desk");
  return JSON.parse(element.textContent) as Config;
}

export const config: Config = read();
