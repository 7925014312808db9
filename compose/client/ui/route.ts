import { signal } from "@preact/signals";
import { config } from "../config";

export type Tab = "write" | "posts" | "drafts" | "channel";
const tabs: Tab[] = ["write", "posts", "drafts", "channel"];

/** The channel whose desk is open; empty for the list of channels. */
export const channelID = signal(fromPath());
export const tab = signal<Tab>(fromHash());
/** The page of people is open. Its address is a query, because each path below the desk's is a channel's. */
export const onPeople = signal(fromQuery());

function fromPath(): string {
  const rest = location.pathname.startsWith(config.path) ? location.pathname.slice(config.path.length) : "";
  const [first = ""] = rest.replace(/^\//, "").split("/");
  try {
    return decodeURIComponent(first);
  } catch {
    return "";
  }
}

function fromQuery(): boolean {
  return config.people && fromPath() === "" && new URLSearchParams(location.search).has("people");
}

function fromHash(): Tab {
  const name = location.hash.slice(1);
  if (name.startsWith("post-")) return "posts";
  return tabs.find((t) => t === name) ?? "write";
}

/** The post that the address names, as links to a post do. */
export function postInAddress(): string {
  return location.hash.startsWith("#post-") ? location.hash.slice("#post-".length) : "";
}

/** A link to a post on the desk, for colleagues. */
export function linkTo(channel: string, post: string): string {
  return `${location.origin}${pathOf(channel)}#post-${post}`;
}

addEventListener("popstate", () => {
  channelID.value = fromPath();
  tab.value = fromHash();
  onPeople.value = fromQuery();
});

export function pathOf(channel: string): string {
  return channel ? `${config.path}/${encodeURIComponent(channel)}` : config.path;
}

export function goTo(channel: string): void {
  if (channel === channelID.value && !onPeople.value) return;
  history.pushState(null, "", pathOf(channel));
  channelID.value = channel;
  onPeople.value = false;
  tab.value = "write";
}

/** The address of the page of people. */
export const peoplePath = `${config.path}?people`;

function goToPeople(): void {
  history.pushState(null, "", peoplePath);
  channelID.value = "";
  onPeople.value = true;
}

export function showTab(name: Tab): void {
  if (tab.value === name) return;
  history.replaceState(null, "", name === "write" ? location.pathname : `#${name}`);
  tab.value = name;
}

/** For links to the desk's own pages: a plain click stays in the program. */
export function follow(channel: string): (e: MouseEvent) => void {
  return stays(() => goTo(channel));
}

export const followPeople = stays(goToPeople);

function stays(go: () => void): (e: MouseEvent) => void {
  return (e) => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    go();
  };
}

/** The address of the channel's live page. */
export function livePage(channel: string): string {
  return `${config.base}/channels/${encodeURIComponent(channel)}`;
}
