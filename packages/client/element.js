import {
  Connection,
  List,
  View,
  hold,
  isObject,
  isUpdate,
  known,
  lead,
  listOf,
  loadOlder,
  olderURL,
  read,
  rootOf,
  sleep,
  topOfList,
  view
} from "./shared.js";

// client/labels.ts
var english = {
  connecting: "Connecting…",
  live: "Connected",
  reconnecting: "Reconnecting…",
  paused: "Paused",
  offline: "You are offline",
  gone: "This page is no longer there",
  refused: "Sign in again to go on reading",
  blocked: "Live updates are not allowed on this site",
  ended: "Ended",
  badge: "Live",
  posts: "Posts",
  earlier: "Earlier posts",
  empty: "Nothing yet. Posts appear here as they come in; there is no need to reload.",
  newPosts: (n) => n === 1 ? "1 new post" : `${n} new posts`,
  earlierPosts: (n) => n === 1 ? "1 earlier post" : `${n} earlier posts`,
  earlierFailed: "Earlier posts can’t be loaded right now. Try again",
  pinned: "Pinned",
  keyEvent: "Key event",
  edited: "Edited {time}",
  justNow: "just now",
  showContent: "Show content from {provider}",
  alwaysShow: "Always show content from {provider}"
};

// sheet:client/styles/element.css
var element_default = ':root,.frame{--paper: var(--motacilla-background, Canvas);--card: var(--motacilla-surface, #fff);--ink: var(--motacilla-text, #16181d);--soft: var(--motacilla-muted, #5d626d);--line: var(--motacilla-line, #e2e2e2);--accent: var(--motacilla-accent, #c21f3a);--accent-soft: var(--motacilla-accent-soft, #fbecee);--on-accent: var(--motacilla-on-accent, #fff);--gold: var(--motacilla-pinned, #8a6100);--gold-soft: var(--motacilla-pinned-background, #fdf6e3);--link: var(--motacilla-link, #0b4fa8);--live: var(--motacilla-connected, #1f9d55);--shadow: var(--motacilla-shadow, 0 4px 18px rgb(0 0 0 / 28%));--radius: var(--motacilla-radius, 8px);--space: var(--motacilla-spacing, 1);--rule: var(--motacilla-line-width, 2px);--top: var(--motacilla-top, 0px);--sans: var(--motacilla-meta-font, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif);--tracking: .08em}@supports (color: light-dark(#000,#fff)){:root,.frame{--card: var(--motacilla-surface, light-dark(#fff, #1d2026));--ink: var(--motacilla-text, light-dark(#16181d, #eceae5));--soft: var(--motacilla-muted, light-dark(#5d626d, #a8adb8));--line: var(--motacilla-line, light-dark(#e2e2e2, #363a43));--accent: var(--motacilla-accent, light-dark(#c21f3a, #ff6b81));--accent-soft: var(--motacilla-accent-soft, light-dark(#fbecee, #2e1b20));--on-accent: var(--motacilla-on-accent, light-dark(#fff, #1a1d23));--gold: var(--motacilla-pinned, light-dark(#8a6100, #e7bd5a));--gold-soft: var(--motacilla-pinned-background, light-dark(#fdf6e3, #27221a));--link: var(--motacilla-link, light-dark(#0b4fa8, #8ab8ff))}}[dir=rtl]{--tracking: 0px}a{color:var(--link);text-underline-offset:.15em;text-decoration-thickness:.06em}:focus-visible{outline:3px solid var(--link);outline-offset:3px;border-radius:3px}.live-post-wrapper:focus:not(:focus-visible){outline:none}.badge{padding:.28em .76em;border-radius:3px;font-size:.68em;font-weight:800;line-height:1.35;letter-spacing:var(--tracking);text-transform:uppercase}.badge--live{background:var(--accent);color:var(--on-accent)}.badge--ended{background:var(--line);color:var(--soft)}.status{color:var(--soft);font-size:.8em}.status:not(:empty):before{content:"";display:inline-block;width:.59em;height:.59em;margin-inline-end:.53em;border-radius:50%;background:currentColor}.status[data-live-status=live]:before{background:var(--live)}.status[data-live-status=blocked]:before,.status[data-live-status=refused]:before,.status[data-live-status=gone]:before{background:var(--accent)}.page-state:has(.status:is([data-live-status=blocked],[data-live-status=refused],[data-live-status=gone])) .badge--live{display:none}.badge,.status,.post-meta{font-family:var(--sans)}#live-posts{display:flex;flex-direction:column}.live-post-wrapper{position:relative;padding-block:calc(1.27em * var(--space));padding-inline-start:1.41em;border-inline-start:var(--rule) solid var(--line);scroll-margin-top:calc(3.76em + var(--top))}.live-post-wrapper:before{content:"";position:absolute;top:calc(1.27em * var(--space) + .55em - 6px);inset-inline-start:calc(var(--rule) / -2 - 8px);width:12px;height:12px;border:2px solid var(--paper);border-radius:50%;background:var(--soft)}.live-post-wrapper:has(.live-post--key):before{background:var(--accent);box-shadow:0 0 0 3px var(--accent-soft)}.live-post-wrapper[data-pinned=true]{order:-1;margin-bottom:calc(1.18em * var(--space));padding:calc(1.04em * var(--space)) 1.18em;border:1px solid var(--line);border-inline-start:4px solid var(--gold);border-radius:var(--radius);background:var(--gold-soft)}.live-post-wrapper[data-pinned=true]:before{content:attr(data-label);position:static;display:block;width:auto;height:auto;margin-bottom:.28em;border:0;border-radius:0;background:none;box-shadow:none;color:var(--gold);font:800 .68em/1.4 var(--sans);letter-spacing:var(--tracking);text-transform:uppercase}.post-meta{display:flex;flex-wrap:wrap;align-items:baseline;gap:.18em .89em;color:var(--soft);font-size:.79em;line-height:1.5}.post-time{color:var(--ink);font-weight:700;font-variant-numeric:tabular-nums}.post-author{font-weight:600}.post-edited{font-style:italic}[dir=rtl] .post-edited{font-style:normal}.post-label{color:var(--accent);font-size:.86em;font-weight:800;letter-spacing:var(--tracking);text-transform:uppercase}.live-post--key .post-body{font-size:1.13em;line-height:1.45;font-weight:600}.post-body{margin-top:.33em;overflow-wrap:anywhere}.post-block{margin:calc(.56em * var(--space)) 0 0}.post-block:first-child{margin-top:0}.post-block>:first-child{margin-top:0}.post-block>:last-child{margin-bottom:0}.post-block p,.post-block ul,.post-block ol{margin:.56em 0}.post-block :is(ul,ol){padding-inline-start:1.6em}.post-block li>:is(p,ul,ol){margin:0}.post-block h2,.post-block h3,.post-block h4{margin:.83em 0 .33em;font-size:1.13em;line-height:1.3}.post-block blockquote{margin:.71em 0;padding-inline-start:.94em;border-inline-start:3px solid var(--line);color:var(--soft)}.post-block pre{overflow-x:auto;tab-size:4;padding:.86em;border-radius:6px;background:var(--card);font-size:.82em}.post-block table{display:block;overflow-x:auto;border-collapse:collapse;font-size:.89em}.post-block th,.post-block td{padding:.32em .63em;border-bottom:1px solid var(--line);text-align:start}.post-block img{display:block;max-width:100%;height:auto;border-radius:var(--radius);background:var(--line)}.post-block--image{display:grid;grid-template-columns:minmax(0,100%);justify-items:start}.post-block--image>*{grid-area:1 / 1}.post-placeholder{display:block;max-width:100%;height:auto;border-radius:var(--radius);fill:var(--line)}.post-placeholder+img{background:none}.post-block--embed{display:block;padding:.89em 1.11em;border:1px solid var(--line);border-radius:var(--radius);background:var(--card);font-family:var(--sans);font-size:.85em;font-weight:400;line-height:1.45;text-decoration:none}.post-block--score{padding:.89em 1.11em;border:1px solid var(--line);border-radius:var(--radius);background:var(--card);font-family:var(--sans);text-align:center}.post-block .score{display:grid;grid-template-columns:1fr auto 1fr;align-items:center;gap:0 .9em;margin:0;font-weight:600;line-height:1.3}.score-home{text-align:end}.score-away{text-align:start}.score-count{font-size:1.4em;font-weight:800;font-variant-numeric:tabular-nums;white-space:nowrap}.post-block .score-note{margin:.3em 0 0;color:var(--soft);font-size:.8em;font-weight:400}.post-block--embed:hover{border-color:var(--link)}.embed-host{display:block;color:var(--ink);font-weight:700}.embed-host:after{content:" ↗";color:var(--soft)}[dir=rtl] .embed-host:after{content:" ↖"}.embed-url{display:block;color:var(--soft)}.embed-site{color:var(--soft);font-weight:400}.embed-site:before{content:"· "}.embed-title{display:block;margin-top:.2em;color:var(--ink);font-size:1.12em;font-weight:600;line-height:1.35}.embed-summary{display:-webkit-box;overflow:hidden;margin-top:.25em;color:var(--soft);-webkit-box-orient:vertical;-webkit-line-clamp:3}.post-block .embed-picture{aspect-ratio:1.91;width:calc(100% + 2.22em);max-width:none;margin:-.89em -1.11em .89em;border-radius:var(--radius) var(--radius) 0 0;object-fit:cover}.embed-player{position:relative;overflow:hidden;border-radius:var(--radius);background:var(--line)}.embed-player--asks{display:none}.embed-shape{display:block;width:100%;height:auto;max-height:80vh}.embed-frame{display:block;width:100%;border:0;background:none}.embed-shape+.embed-frame{position:absolute;inset:0;height:100%}.embed-player:not(.embed-player--asks)+.post-block--below{margin-top:.4em}.embed-player:not(.embed-player--asks)+.post-block--below .embed-picture{display:none}.embed-ask{display:flex;flex-wrap:wrap;align-items:center;gap:.4em .9em;margin:.5em 0 0;font-family:var(--sans);font-size:.85em;font-weight:400}.post-block+.embed-ask{margin-block:.5em 0}.embed-show{padding:.55em 1.1em;border:1px solid transparent;border-radius:999px;background:var(--ink);color:var(--card);font:inherit;font-weight:600;cursor:pointer}.embed-always{display:inline-flex;align-items:center;gap:.4em;color:var(--soft)}.embed-always input{width:1.15em;height:1.15em;margin:0;accent-color:var(--link)}.visually-hidden{position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}@media(prefers-reduced-motion:no-preference){.is-new .live-post,.is-edited .live-post{animation:arrive 2.4s ease-out}.status[data-live-status=connecting]:before,.status[data-live-status=reconnecting]:before{animation:pulse 1.2s ease-in-out infinite alternate}}@keyframes arrive{0%{background:var(--accent-soft);box-shadow:0 0 0 .56em var(--accent-soft);border-radius:2px}}@keyframes pulse{to{opacity:.25}}:host{display:block;position:relative;scroll-margin-top:var(--motacilla-top, 0px);text-align:start}:host([hidden]),[hidden]{display:none!important}*{box-sizing:border-box}.frame{background:var(--motacilla-background, transparent);color:var(--ink);font-family:var(--motacilla-font, inherit);font-size:var(--motacilla-size, inherit);line-height:1.6}.head{margin:0 0 .9em}.page-state{display:flex;flex-wrap:wrap;align-items:center;gap:.4em .7em;margin:0}h2{margin:.35em 0 .2em;font-family:var(--motacilla-title-font, inherit);font-size:1.5em;line-height:1.2;text-wrap:balance;overflow-wrap:anywhere}h2:empty,.badge--ended,.has-ended .badge--live{display:none}.has-ended .badge--ended{display:inline-block}.has-ended .status[data-live-status=live]{display:none}.float{position:sticky;z-index:1;top:calc(var(--top) + max(.6em,env(safe-area-inset-top)));height:0;text-align:center}.new-posts,.older a{border:1px solid transparent;border-radius:999px;font:600 .87em/1.4 var(--sans);cursor:pointer}.new-posts{padding:.6em 1.15em;background:var(--ink);color:var(--card);box-shadow:var(--shadow)}.empty,.older{font-family:var(--sans);text-align:center}.empty{margin:0;padding:2.5em 1.25em;border:1px dashed var(--line);border-radius:var(--radius);color:var(--soft);font-size:.94em}.older{margin:1.25em 0}.older:has([hidden]){display:none}.older a{display:inline-block;padding:.6em 1.3em;border-color:var(--line);background:var(--card);color:var(--ink);text-decoration:none}.older a:hover{border-color:var(--soft)}.older a[aria-busy=true]{opacity:.6}@media print{.float,.older,.status{display:none}}';

// client/frame.ts
var postParts = ["post-label", "post-meta", "post-time", "post-author", "post-edited", "post-body"];
var Frame = class {
  constructor(host) {
    this.host = host;
    this.fallback = make("slot");
    this.taken = false;
    const shadow = host.attachShadow({ mode: "open" });
    dressRoot(shadow);
    const title = make("h2", "title");
    const heading = make("slot");
    heading.name = "title";
    heading.append(title);
    this.badges = [make("span", "badge", "badge badge--live"), make("span", "badge badge-ended", "badge badge--ended")];
    const status = make("span", "status", "status");
    status.setAttribute("role", "status");
    const state = make("p", "state", "page-state");
    state.append(...this.badges, status);
    const header = make("div", "header", "head");
    header.append(state, heading);
    const fresh = make("button", "new", "new-posts");
    fresh.type = "button";
    fresh.hidden = true;
    const float = make("div", "", "float");
    float.append(fresh);
    const announce = make("p", "", "visually-hidden");
    announce.setAttribute("aria-live", "polite");
    const list = make("div", "posts");
    list.id = "live-posts";
    list.setAttribute("role", "feed");
    list.hidden = true;
    const empty = make("p", "empty", "empty");
    empty.hidden = true;
    const older = make("a", "more");
    older.hidden = true;
    const more = make("p", "", "older");
    more.append(older);
    this.root = make("div", "frame", "frame");
    this.root.append(header, float, announce, empty, list, this.fallback, more);
    shadow.append(this.root);
    this.parts = { list, title, status, announce, fresh, older, empty };
    this.say({});
  }
  /** Writes the texts that do not depend on the channel. Without words, the frame is in the language of its page. */
  say(labels, of = null) {
    const words2 = { ...english, ...labels };
    for (const [name, value] of [["lang", of?.language], ["dir", of?.direction]]) {
      if (value) this.root.setAttribute(name, value);
      else this.root.removeAttribute(name);
    }
    const [live, ended] = this.badges;
    if (live) live.textContent = words2.badge;
    if (ended) ended.textContent = words2.ended;
    this.parts.list.setAttribute("aria-label", words2.posts);
    this.parts.empty.textContent = words2.empty;
    this.parts.older.textContent = words2.earlier;
  }
  /**
   * Takes over the posts that are in the element's own content. The content must say of which revision they are: markup
   * as in the server's pages, with data-revision on the list or on the element.
   */
  takeOver(channel) {
    if (this.taken) return;
    this.taken = true;
    const { host } = this;
    const from = host.dataset.revision ? host : host.querySelector("[data-revision]:not(.live-post-wrapper)");
    const revision = from?.dataset.revision ?? "";
    if (!from || !/^\d{1,16}$/.test(revision) || (from.dataset.channel ?? channel) !== channel) return;
    const { list, title } = this.parts;
    for (const name of ["revision", "complete", "ended", "heartbeat"]) {
      const value = from.dataset[name];
      if (value !== void 0) list.dataset[name] = value;
    }
    if (title && from.dataset.title) title.textContent = from.dataset.title;
    list.append(...from.querySelectorAll(".live-post-wrapper"));
    if (from !== host) from.remove();
    this.show();
  }
  /** Hides the element's own content, because the channel's posts are known. */
  show() {
    this.fallback.hidden = true;
  }
  /** Empties everything, for another channel. */
  clear() {
    const { list, title, older, empty } = this.parts;
    list.replaceChildren();
    for (const name of Object.keys(list.dataset)) delete list.dataset[name];
    if (title) title.textContent = "";
    older.hidden = empty.hidden = list.hidden = this.fallback.hidden = true;
    this.root.classList.remove("has-ended");
  }
  /** Gives a post the part names by which a page styles it. */
  dress(wrapper, post) {
    const names = ["post"];
    if (wrapper.dataset.pinned === "true") names.push("post-pinned");
    if (post.classList.contains("live-post--key")) names.push("post-key");
    wrapper.setAttribute("part", names.join(" "));
    for (const name of postParts) {
      for (const element of post.getElementsByClassName(name)) element.setAttribute("part", name);
    }
  }
};
var sheet;
function dressRoot(shadow) {
  if ("adoptedStyleSheets" in shadow && "replaceSync" in CSSStyleSheet.prototype) {
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(element_default);
    }
    shadow.adoptedStyleSheets = [sheet];
    return;
  }
  const style = make("style");
  style.textContent = element_default;
  shadow.append(style);
}
function make(tag, part = "", className = "") {
  const element = document.createElement(tag);
  if (part) element.setAttribute("part", part);
  if (className) element.className = className;
  return element;
}

// client/fresh.ts
function newPosts(button, signal, words2, toTop) {
  if (!button) return () => void 0;
  const unseen = /* @__PURE__ */ new Set();
  const tell = () => {
    for (const wrapper of unseen) if (!above(wrapper)) unseen.delete(wrapper);
    button.hidden = unseen.size === 0;
    if (unseen.size > 0) button.textContent = `↑ ${words2(unseen.size)}`;
  };
  tell();
  button.addEventListener("click", () => {
    unseen.clear();
    tell();
    toTop();
  }, { signal });
  window.addEventListener("scroll", () => unseen.size > 0 && tell(), { passive: true, capture: true, signal });
  return (fresh) => {
    for (const wrapper of fresh) if (above(wrapper)) unseen.add(wrapper);
    tell();
  };
}
function above(wrapper) {
  if (!wrapper.isConnected || wrapper.hidden) return false;
  return wrapper.getBoundingClientRect().bottom <= Math.max(0, view(wrapper).top);
}
function pace() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
}

// client/announce.ts
function announcer(element, signal, words2) {
  let pending = 0;
  return (count) => {
    if (count === 0 || !element) return;
    pending += count;
    if (pending > count) return;
    const say = () => {
      element.textContent = words2(pending);
      pending = 0;
    };
    sleep(1e3, signal).then(say, () => void 0);
  };
}

// client/words.ts
function isWords(value) {
  return isObject(value) && typeof value.language === "string" && isObject(value.words) && isObject(value.plurals);
}
function wordsOfPage() {
  try {
    const value = JSON.parse(document.querySelector("script[data-live-words]")?.textContent ?? "null");
    return isWords(value) ? value : null;
  } catch {
    return null;
  }
}
var languages = /* @__PURE__ */ new Map();
function wordsOf(server, language) {
  const key = `${server} ${language}`;
  let words2 = languages.get(key);
  if (!words2) {
    words2 = load(server, language);
    languages.set(key, words2);
    words2.then((found) => found ?? languages.delete(key), () => languages.delete(key));
  }
  return words2;
}
async function load(server, language) {
  for (let tag = language; tag; tag = tag.replace(/-?[^-]*$/, "")) {
    const answer = await fetch(new URL(`assets/words.${encodeURIComponent(tag)}.json`, server), { credentials: "omit" });
    if (answer.status === 404) continue;
    const value = answer.ok ? await answer.json() : null;
    return isWords(value) ? value : null;
  }
  return null;
}
function labelsOf(from, element = false) {
  const labels = {};
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
    labels[camel(key)] = (n) => (forms[rules.select(n)] ?? forms.other ?? "").replace("{count}", numbers.format(n));
  }
  return labels;
}
function camel(key) {
  return key.replace(/_(.)/g, (_, c) => c.toUpperCase());
}
function localeOf(language) {
  const base = language.split("-")[0];
  return navigator.languages.find((l) => l.split("-")[0] === base) ?? language;
}
function write(into, text) {
  const time = into.querySelector("time");
  const [before = "", after = ""] = text.split("{time}");
  if (time) into.replaceChildren(before, time, after);
  else into.textContent = text.replace("{time}", "").trim();
}
function reword(post, labels) {
  for (const element of post.querySelectorAll("[data-live-word]")) {
    const text = labels[camel(element.dataset.liveWord ?? "")];
    if (typeof text === "string") write(element, text.replace("{provider}", element.dataset.liveProvider ?? ""));
  }
}

// client/times.ts
var Clock = class {
  /** Without justNow, the browser's word for "now" is used in languages other than English. */
  constructor(language, justNow) {
    const locale = supported(localeOf(language));
    this.relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
    this.clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
    this.full = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
    this.justNow = justNow ?? (/^en\b/.test(language) ? english.justNow : this.relative.format(0, "second"));
  }
  /** Writes the times below root: "3 minutes ago" within the hour, the local time of day on the same day. */
  tell(root) {
    const now = Date.now();
    const selection = root instanceof Node ? rootOf(root).selection : null;
    for (const element of root.querySelectorAll("time[datetime]")) {
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
  say(at, now) {
    const minutes = Math.round((at - now) / 6e4);
    if (Math.abs(minutes) < 1) return this.justNow;
    if (minutes < 0 && minutes > -60) return this.relative.format(minutes, "minute");
    const sameDay = new Date(at).toDateString() === new Date(now).toDateString();
    return sameDay ? this.clock.format(at) : this.full.format(at);
  }
};
function supported(locale) {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(locale)[0];
  } catch {
    return void 0;
  }
}
var own;
function pageClock() {
  return own ?? (own = new Clock(document.documentElement.lang || "en", wordsOfPage()?.words.just_now));
}

// client/reader.ts
var Reader = class {
  constructor(o) {
    this.o = o;
    this.status = "paused";
    this.list = null;
    this.life = new AbortController();
    this.connection = null;
    this.announce = () => void 0;
    this.fresh = () => void 0;
    this.loading = null;
    this.labels = { ...english, ...o.labels };
    this.clock = clockOf(o.language, o.labels);
    this.channelPage = new URL(o.transportsURL.href.replace(/\/transports$/, ""));
    this.view = o.view ?? new View();
    if (o.view) return;
    const { list, title } = o.parts;
    const posts = read(list);
    const { revision, complete, ended } = list.dataset;
    this.view.apply({
      channel: o.channel,
      from: 0,
      revision: Number(revision ?? 0),
      renders: Object.fromEntries(posts.map((post) => [post.id, post])),
      removals: [],
      reset: true,
      complete: complete === "true",
      title: list.dataset.title ?? title?.textContent ?? "",
      ended: ended || null
    }, true);
  }
  /** Connects, if it is not connected. */
  start() {
    if (this.connection) return;
    const { o, view: view2 } = this;
    const { parts } = o;
    this.life = new AbortController();
    const { signal } = this.life;
    this.list = new List(parts.list, view2.posts(), {
      signal,
      follows: o.follows,
      clock: () => this.clock,
      pinned: () => this.labels.pinned,
      dress: o.dress
    });
    this.announce = announcer(parts.announce, signal, (n) => this.labels.newPosts(n));
    this.fresh = newPosts(parts.fresh, signal, (n) => this.labels.newPosts(n), o.toTop);
    parts.older?.addEventListener("click", (event) => this.followOlder(event), { signal });
    const connection = new Connection({
      channel: o.channel,
      transportsURL: o.transportsURL,
      shareAs: o.shareAs,
      transports: o.transports,
      cursor: () => view2.revision,
      deliver: (update, asked) => {
        if (!isUpdate(update)) return true;
        const before = view2.revision;
        const again = view2.apply(update, asked);
        const added = before === 0 || view2.revision === before ? this.show(false) : this.show(true);
        if (view2.gone) connection.stop("gone");
        else this.tell("live");
        if (view2.revision !== before || update.reset) o.onUpdate?.(view2, added);
        return again;
      },
      onStatus: (status) => this.tell(status),
      firstUpdateMs: o.firstUpdateMs,
      backoffMs: o.backoffMs,
      silenceMs: o.silenceMs
    });
    this.connection = connection;
    const times = setInterval(() => {
      const release = hold(parts.list, /* @__PURE__ */ new Set(), o.follows);
      this.clock.tell(parts.list);
      release();
    }, 3e4);
    signal.addEventListener("abort", () => clearInterval(times), { once: true });
    this.show(false);
    connection.start();
  }
  /** Disconnects. The posts stay. */
  stop(status = "paused") {
    this.life.abort();
    this.connection?.stop(status);
    this.connection = null;
  }
  /** Changes the texts and the language of times. */
  say(labels, language) {
    this.labels = { ...english, ...labels };
    this.clock = clockOf(language, labels);
    this.list?.dress();
    this.clock.tell(this.o.parts.list);
    this.fresh([]);
    this.tell(this.status);
  }
  /** Loads the next older posts into the list. Rejects if they can't be loaded. */
  loadOlder() {
    const { older, announce } = this.o.parts;
    const { signal } = this.life;
    older?.setAttribute("aria-busy", "true");
    this.loading ?? (this.loading = loadOlder(this.view, this.channelPage, signal).then(() => {
      const added = this.show(false);
      if (announce && !signal.aborted) announce.textContent = this.labels.earlierPosts(added.length);
      this.o.onUpdate?.(this.view, added);
    }).finally(() => {
      this.loading = null;
      older?.removeAttribute("aria-busy");
    }));
    return this.loading;
  }
  followOlder(event) {
    const link = this.o.parts.older;
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (this.loading) return;
    const { signal } = this.life;
    this.loadOlder().then(
      () => this.o.onOlder?.(link, true),
      () => signal.aborted || this.o.onOlder?.(link, false)
    );
  }
  /**
   * Shows what the view holds, and returns the IDs of new posts. news must be true if they came while the page was open.
   */
  show(news) {
    const { parts, onEnded } = this.o;
    const { view: view2, list } = this;
    const fresh = list?.sync(view2.posts()) ?? [];
    if (news) {
      for (const wrapper of fresh) list?.flash(wrapper, "is-new");
      this.announce(fresh.length);
    }
    this.fresh(news ? fresh : []);
    this.clock.tell(parts.list);
    const empty = list?.empty() ?? true;
    parts.list.hidden = empty;
    parts.empty?.toggleAttribute("hidden", view2.revision === 0 || !empty);
    onEnded?.(view2.ended !== null);
    if (parts.title && view2.title && parts.title.textContent !== view2.title) parts.title.textContent = view2.title;
    const older = view2.older();
    if (parts.older) {
      parts.older.hidden = older === null;
      if (older) parts.older.href = olderURL(older, this.channelPage).href;
    }
    return fresh.map((wrapper) => wrapper.querySelector(".live-post")?.dataset.postId ?? "");
  }
  tell(status) {
    const changed = status !== this.status;
    this.status = status;
    const { status: element } = this.o.parts;
    if (element) {
      element.dataset.liveStatus = status;
      const text = this.labels[status === "live" && this.view.ended !== null ? "ended" : status];
      if (element.textContent !== text) element.textContent = text;
    }
    if (changed) this.o.onStatus?.(status);
  }
};
function clockOf(language, labels = {}) {
  return language === void 0 ? pageClock() : new Clock(language, labels.justNow);
}

// client/element.ts
var words = {
  gone: "These live updates are no longer there",
  refused: "These live updates are private"
};
var Base = typeof HTMLElement === "undefined" ? class {
} : HTMLElement;
var _LivePosts = class _LivePosts extends Base {
  constructor() {
    super();
    this.frame = new Frame(this);
    this.reader = null;
    this.life = new AbortController();
    /** The list of transports that the reader follows. Another server or channel needs another reader. */
    this.source = "";
    this.turning = false;
    this.ownLabels = {};
    /** The words of the attribute lang, once the server has sent them. */
    this.words = null;
    /** The server and language that were asked for last, while they need not be asked for again. */
    this.asked = "";
    for (const name of ["src", "channel", "transports", "labels"]) {
      if (!Object.prototype.hasOwnProperty.call(this, name)) continue;
      const value = this[name];
      delete this[name];
      queueMicrotask(() => Object.assign(this, { [name]: value }));
    }
  }
  get src() {
    return this.getAttribute("src") ?? "";
  }
  set src(value) {
    this.setAttribute("src", value);
  }
  get channel() {
    return this.getAttribute("channel") ?? "";
  }
  set channel(value) {
    this.setAttribute("channel", value);
  }
  get transports() {
    return this.getAttribute("transports") ?? "";
  }
  set transports(value) {
    this.setAttribute("transports", value);
  }
  get labels() {
    return this.ownLabels;
  }
  set labels(value) {
    this.ownLabels = { ...value };
    this.say();
  }
  /** The texts that differ from the built-in English ones. */
  get saying() {
    return { ...this.words ? labelsOf(this.words, true) : words, ...this.ownLabels };
  }
  say() {
    this.frame.say(this.saying, this.words);
    this.reader?.say(this.saying, this.words?.language);
  }
  /** Asks the server for the words of the attribute lang. Until they are there, the element speaks English. */
  async learn(server) {
    const { lang } = this;
    const { signal } = this.life;
    const asking = `${server} ${lang}`;
    if (asking === this.asked) return;
    this.asked = asking;
    const found = lang ? await wordsOf(server, lang).catch(() => null) : null;
    if (asking !== this.asked) return;
    if (!found || signal.aborted) this.asked = "";
    if (signal.aborted) return;
    if (lang && !found) console.warn(`live-posts: ${server.origin} has no words for the language ${lang}`);
    if (found === this.words) return;
    this.words = found && { ...found, language: lang };
    this.say();
  }
  get status() {
    return this.reader?.status ?? "idle";
  }
  get revision() {
    return this.reader?.view.revision ?? 0;
  }
  /** The posts that are shown, newest first. */
  get posts() {
    return (this.reader?.view.posts() ?? []).filter((post) => post.show).reverse();
  }
  /** Loads the next older posts. Resolves at once if there are none. */
  loadOlder() {
    return this.reader?.loadOlder() ?? Promise.resolve();
  }
  connectedCallback() {
    this.life = new AbortController();
    if (document.readyState !== "loading") return this.begin();
    document.addEventListener("DOMContentLoaded", () => this.begin(), { once: true, signal: this.life.signal });
  }
  disconnectedCallback() {
    this.life.abort();
    this.reader?.stop();
  }
  attributeChangedCallback(_, before, after) {
    if (before === after || !this.isConnected || document.readyState === "loading" || this.turning) return;
    this.turning = true;
    queueMicrotask(() => {
      this.turning = false;
      if (this.isConnected) this.begin();
    });
  }
  begin() {
    this.reader?.stop();
    const list = this.listURL();
    const source = list?.href ?? "";
    if (!list || !this.reader || source !== this.source) {
      if (this.source) this.frame.clear();
      this.source = source;
      this.reader = null;
    }
    if (!list) return;
    this.reader = this.read(list, this.reader?.view);
    this.reader.start();
    void this.learn(new URL("../../", list));
  }
  /** Returns the URL of the channel's list of transports, or null if the attributes do not give one. */
  listURL() {
    const { channel } = this;
    if (!channel) return null;
    try {
      return listOf(new URL(this.src || _LivePosts.server || "/", document.baseURI), channel);
    } catch {
      console.error(`live-posts: src must be the URL of a server, not ${JSON.stringify(this.src)}`);
      return null;
    }
  }
  read(list, view2) {
    const { frame, channel } = this;
    const server = new URL("../../", list);
    const all = { ...known, ..._LivePosts.transports };
    const only = this.transports.split(/[\s,]+/).filter(Boolean).sort();
    const transports = only.length ? Object.fromEntries(Object.entries(all).filter(([name]) => only.includes(name))) : all;
    const unknown = only.filter((name) => !(name in all));
    if (unknown.length) console.warn(`live-posts: ${unknown.join(", ")} is no transport; there are ${Object.keys(all).join(", ")}`);
    if (!view2) frame.takeOver(channel);
    return new Reader({
      channel,
      view: view2,
      transportsURL: list,
      transports,
      shareAs: only.join(" "),
      parts: frame.parts,
      // A server whose heartbeat is not the usual one says so in the HTML that it renders.
      silenceMs: 3 * Number(this.dataset.heartbeat || frame.parts.list.dataset.heartbeat || 15e3),
      labels: this.saying,
      language: this.words?.language,
      follows: topOfList,
      toTop: () => this.scrollIntoView({ block: "start", behavior: pace() }),
      dress: (wrapper, post) => {
        lead(post, server);
        reword(post, this.words ? this.saying : this.ownLabels);
        frame.dress(wrapper, post);
      },
      onUpdate: (view3, added) => {
        frame.show();
        const { revision, title, ended, complete, gone } = view3;
        const detail = { channel, revision, title, ended, complete, gone, added };
        this.tell("live-posts-update", detail);
      },
      onStatus: (status) => {
        const detail = { channel, status };
        this.tell("live-posts-status", detail);
      },
      onEnded: (ended) => frame.root.classList.toggle("has-ended", ended),
      onOlder: (link, came) => {
        const say = { ...english, ...this.saying };
        link.textContent = came ? say.earlier : say.earlierFailed;
      }
    });
  }
  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
};
_LivePosts.observedAttributes = ["src", "channel", "transports", "lang"];
/** More transports than the known ones, by the server's names. */
_LivePosts.transports = {};
/** The URL of the server of elements that have no src. If it is empty, the page's own origin is. */
_LivePosts.server = "";
var LivePosts = _LivePosts;
function define() {
  if (typeof customElements !== "undefined" && !customElements.get("live-posts")) customElements.define("live-posts", LivePosts);
}

// client/npm/element.ts
define();
export {
  LivePosts,
  View,
  known
};
