// client/update.ts
function compareKeys(a, b) {
  if (a.created !== b.created) return a.created < b.created ? -1 : 1;
  if (a.id !== b.id) return a.id < b.id ? -1 : 1;
  return 0;
}
function isUpdate(value) {
  if (!isObject(value)) return false;
  const { from, revision, renders, removals } = value;
  return Number.isSafeInteger(from) && Number.isSafeInteger(revision) && isObject(renders) && Object.values(renders).every(isRender) && Array.isArray(removals) && removals.every((id) => typeof id === "string");
}
function isRender(value) {
  return isObject(value) && typeof value.content === "string" && typeof value.created === "string" && Number.isSafeInteger(value.revision);
}
function isObject(value) {
  return typeof value === "object" && value !== null;
}

// client/transports/transport.ts
var Refused = class extends Error {
  /**
   * own is true if the server itself refused, and false if the answer may come from a proxy in between. detail is what the
   * server says is wrong.
   */
  constructor(status, retryAfter2, own = false, detail = "") {
    super(`the server answered ${status}${detail && `: ${detail}`}`);
    this.status = status;
    this.retryAfter = retryAfter2;
    this.own = own;
    this.detail = detail;
  }
};
var Moved = class extends Error {
  /** forMs is for how long, and retryMs after how long a client that can't do that may come again. */
  constructor(transport, forMs, retryMs) {
    super(`the server asks to use ${transport} for a while`);
    this.transport = transport;
    this.forMs = forMs;
    this.retryMs = retryMs;
  }
};
function moved(text) {
  try {
    return moveOf(JSON.parse(String(text))) ?? new Refused(503, 0);
  } catch {
    return new Refused(503, 0);
  }
}
function moveOf(said, retryMs = 0) {
  if (!isObject(said) || typeof said.transport !== "string" || typeof said.for !== "number" || !(said.for > 0)) return null;
  return new Moved(said.transport, said.for * 1e3, typeof said.retry === "number" ? said.retry * 1e3 : retryMs);
}
async function refused(answer) {
  const later = retryAfter(answer.headers.get("Retry-After"));
  const problem = await problemOf(answer);
  return moveOf(problem, later) ?? new Refused(answer.status, later, problem !== null);
}
async function problemOf(answer) {
  if (!/^application\/problem\+json\s*(;|$)/i.test(answer.headers.get("Content-Type") ?? "")) return null;
  const problem = await answer.json().catch(() => null);
  return isObject(problem) && problem.status === answer.status && typeof problem.title === "string" ? problem : null;
}
var Ended = class extends Error {
  constructor(pause) {
    super("the stream ended");
    this.pause = pause;
  }
};
function sleep(ms, signal) {
  return new Promise((resolve2, reject) => {
    if (signal.aborted) return reject(new DOMException("aborted", "AbortError"));
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve2();
    }, ms);
    const stop = () => {
      clearTimeout(timer);
      reject(new DOMException("aborted", "AbortError"));
    };
    signal.addEventListener("abort", stop, { once: true });
  });
}
function retryAfter(header) {
  if (!header) return 0;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1e3 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 3e5) : 0;
}
async function ask(s, query = {}, cache = "no-cache") {
  const url = new URL(s.url);
  url.searchParams.set("since", String(s.cursor()));
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const answer = await fetch(url, {
    cache,
    credentials: "same-origin",
    headers: { Accept: "application/json" },
    signal: s.signal
  });
  if (!answer.ok) throw await refused(answer);
  const update = await answer.json();
  if (!isUpdate(update)) throw new Error("the answer is no update");
  return update;
}

// client/transports/interval.ts
var usual = 3e3;
async function intervalPolling(s) {
  for (; ; ) {
    const update = await ask(s);
    const again = s.deliver(update, true);
    const pause = again ? 1e3 : update.next_poll_ms ?? usual;
    await sleep(pause * (0.9 + Math.random() * 0.2), s.signal);
  }
}

// client/transports/long.ts
async function longPolling(s) {
  let round = 0;
  for (let first = true; ; first = false) {
    const began = Date.now();
    const cursor = s.cursor();
    const query = { round: String(round) };
    if (first) query.hold = "0";
    const update = await ask(s, query, "no-store");
    const again = s.deliver(update, true);
    const before = round;
    if (s.cursor() !== cursor) round = 0;
    else if (Number.isSafeInteger(update.next_round)) round = Math.max(round, update.next_round ?? 0);
    let pause = update.next_poll_ms ?? 0;
    const same = s.cursor() === cursor && round === before;
    if (again || !first && same && Date.now() - began < 500) pause = Math.max(pause, 1e3);
    if (pause > 0) await sleep(pause * (0.9 + Math.random() * 0.2), s.signal);
  }
}

// client/transports/stream.ts
var spreadMs = 3e3;
function stream(s, open) {
  return new Promise((_, reject) => {
    if (s.signal.aborted) return reject(new DOMException("aborted", "AbortError"));
    let asked = true;
    let silence = 0;
    const end = (err) => {
      clearTimeout(silence);
      s.signal.removeEventListener("abort", abort);
      close();
      reject(err);
    };
    const abort = () => end(new DOMException("aborted", "AbortError"));
    const listen = () => {
      clearTimeout(silence);
      silence = setTimeout(() => end(orderlyEnd()), s.silenceMs);
    };
    const message = (text) => {
      if (s.signal.aborted) return;
      listen();
      const update = parse(text);
      if (!update) return end(new Error("the message is no update"));
      const again = s.deliver(update, asked);
      asked = false;
      if (again) end(new Ended(500 + Math.random() * 1e3));
    };
    const close = open({ message, end });
    s.signal.addEventListener("abort", abort);
    listen();
  });
}
function parse(text) {
  try {
    const update = JSON.parse(String(text));
    return isUpdate(update) ? update : null;
  } catch {
    return null;
  }
}
function orderlyEnd() {
  return new Ended(Math.random() * spreadMs);
}
async function refusal(url, s) {
  const answer = await fetch(url, { cache: "no-store", credentials: "same-origin", signal: s.signal });
  if (!answer.ok) return refused(answer);
  void answer.body?.cancel();
  return new Error("the stream did not begin");
}
function streamURL(s) {
  const url = new URL(s.url);
  url.searchParams.set("since", String(s.cursor()));
  return url;
}

// client/transports/sse.ts
function sse(s) {
  const url = streamURL(s);
  return stream(s, ({ message, end }) => {
    const source = new EventSource(url.href);
    let heard = false;
    source.onmessage = (event) => {
      heard = true;
      message(event.data);
    };
    source.addEventListener("transport", (event) => end(moved(event.data)));
    source.onerror = () => {
      const refused2 = source.readyState === EventSource.CLOSED;
      source.close();
      if (refused2) refusal(url, s).then(end, end);
      else end(heard ? orderlyEnd() : new Error("no stream"));
    };
    return () => source.close();
  });
}

// client/transports/websocket.ts
function webSocket(s) {
  const url = streamURL(s);
  const http = new URL(url);
  url.protocol = url.protocol.replace(/^http/, "ws");
  http.protocol = http.protocol.replace(/^ws/, "http");
  return stream(s, ({ message, end }) => {
    const socket = new WebSocket(url.href);
    let opened = false;
    let heard = false;
    socket.onopen = () => opened = true;
    socket.onmessage = (event) => {
      heard = true;
      message(event.data);
    };
    socket.onclose = ({ code, reason }) => {
      if (s.signal.aborted) return;
      if (!opened) refusal(http, s).then(end, end);
      else if (code === 1008) end(new Refused(403, 0));
      else if (code === 4404) end(new Refused(404, 0));
      else if (code === 4503) end(moved(reason));
      else if (code === 1013) end(new Refused(503, 5e3 + Math.random() * 1e4));
      else if (heard && goingAway.includes(code)) end(orderlyEnd());
      else end(new Error(`the WebSocket closed with ${code}`));
    };
    return () => {
      socket.onclose = socket.onmessage = null;
      socket.close();
    };
  });
}
var goingAway = [1e3, 1001, 1005, 1006, 1012];

// client/transports/index.ts
var known = {
  sse,
  websocket: webSocket,
  "interval-polling": intervalPolling,
  "long-polling": longPolling
};

// client/view.ts
var View = class {
  constructor() {
    this.revision = 0;
    this.title = "";
    this.ended = null;
    this.complete = false;
    this.gone = false;
    /** No unpinned post below it is shown; null means no floor. */
    this.floor = null;
    this.snapshot = null;
    // Everything received since the last reset, below the floor too. Older posts may arrive in a state from before that.
    this.held = /* @__PURE__ */ new Map();
    this.removed = /* @__PURE__ */ new Map();
  }
  /**
   * Applies u. asked must be true if u answers a question of the reader: the first update of a poll or a connection.
   * Returns true if u does not fit what is held. The caller must then ask again with the view's revision.
   */
  apply(u, asked) {
    if (u.reset) {
      if (asked || u.revision > this.revision) this.reset(u);
      else if (u.revision < this.revision) return true;
      return false;
    }
    if (u.revision <= this.revision) return false;
    if (u.from > this.revision) return true;
    this.revision = u.revision;
    this.gone = this.gone || u.gone === true;
    this.state(u);
    for (const [id, render] of Object.entries(u.renders)) this.put({ ...render, id });
    for (const id of u.removals) {
      this.held.delete(id);
      this.removed.set(id, u.revision);
    }
    return false;
  }
  /** Returns the query for the posts below the floor, or null if there are none. */
  older() {
    if (!this.snapshot || !this.floor || this.complete || this.gone) return null;
    return { before: this.floor, snapshot: this.snapshot };
  }
  /**
   * Takes the answer to a query: the newest visible posts below query.before, pinned or not, as the channel was at
   * revision at. Moves the floor down to the oldest of them. complete must be true if there are no older posts.
   *
   * Returns false and changes nothing if the answer does not fit: if there has been a reset since the query, or if at is
   * before that reset. Posts between the answer and the new floor would be missing, or removed posts would come back.
   * The caller must then ask again, with a new query.
   */
  addOlder(query, at, posts, complete) {
    if (query.snapshot !== this.snapshot || !(at >= query.snapshot.revision)) return false;
    this.complete = this.complete || complete;
    for (const post of posts) {
      if (this.floor && compareKeys(post, this.floor) < 0) this.floor = { created: post.created, id: post.id };
    }
    if (complete) this.floor = null;
    for (const post of posts) this.put(post);
    return true;
  }
  /** The posts that are held, oldest first, hidden posts too. */
  posts() {
    const floor = this.floor;
    const above = [...this.held.values()].filter((p) => p.pinned || !floor || compareKeys(p, floor) >= 0);
    return above.sort(compareKeys);
  }
  reset(u) {
    this.revision = u.revision;
    this.complete = u.complete === true;
    this.gone = u.gone === true;
    this.state(u);
    this.snapshot = { revision: u.revision };
    this.removed = /* @__PURE__ */ new Map();
    const posts = Object.entries(u.renders).map(([id, render]) => ({ ...render, id }));
    this.held = new Map(posts.map((post) => [post.id, post]));
    this.floor = this.complete ? null : floorOf(posts);
  }
  state(u) {
    if (u.title === void 0 && u.ended === void 0) return;
    this.title = u.title ?? "";
    this.ended = u.ended ?? null;
  }
  put(post) {
    const held = this.held.get(post.id);
    if (held && held.revision > post.revision) return;
    if ((this.removed.get(post.id) ?? -1) >= post.revision) return;
    this.held.set(post.id, post);
  }
};
function floorOf(posts) {
  const sorted = [...posts].sort(compareKeys);
  const post = sorted.find((p) => !p.pinned) ?? sorted[sorted.length - 1];
  return post ? { created: post.created, id: post.id } : null;
}

// client/server.ts
function listOf(server, channel) {
  const base = new URL(server);
  base.search = base.hash = "";
  base.pathname = base.pathname.replace(/\/*$/, "/");
  return new URL(`channels/${encodeURIComponent(channel)}/transports`, base);
}
function serverOf(list) {
  return /\/channels\/[^/]+\/transports$/.test(list.pathname) ? new URL("../../", list) : new URL("/", list);
}
function resolve(url, server, from = server) {
  return /^\/(?![/\\])/.test(url) ? new URL("." + url, server) : new URL(url, from);
}
function lead(post, server) {
  for (const name of ["href", "src", "poster", "srcset", "data-live-frame"]) {
    for (const element of post.querySelectorAll(`[${name}]`)) {
      const value = element.getAttribute(name) ?? "";
      try {
        element.setAttribute(name, name === "srcset" ? leadAll(value, server) : leadOne(value, server));
      } catch {
      }
    }
  }
}
function leadOne(url, server) {
  const known2 = server.pathname !== "/" && url.startsWith(server.pathname);
  return (known2 ? new URL(url, server) : resolve(url, server)).href;
}
function leadAll(srcset, server) {
  const sizes = srcset.split(/,\s+/).map((size) => size.trim().split(/\s+/));
  return sizes.map(([url = "", ...width]) => [leadOne(url, server), ...width].join(" ")).join(", ");
}

// client/detour.ts
var shortest = 5e3;
var longest = 36e5;
var Detour = class {
  constructor() {
    this.offer = null;
    this.until = 0;
  }
  /** Begins, and returns whether it could. In a detour the client is not sent on to a further one. */
  begin(to, offers, current) {
    const offer = offers.find((t) => t.name === to.transport && t.name !== current);
    const may = !this.offer && offer !== void 0;
    this.offer = may ? offer : null;
    this.until = Date.now() + Math.min(Math.max(to.forMs, shortest), longest) * (1 + Math.random() / 4);
    return may;
  }
  /** Returns the transport to use, or null if there is no detour. */
  now() {
    if (Date.now() >= this.until) this.end();
    return this.offer;
  }
  /** How many milliseconds are left. */
  left() {
    return this.until - Date.now();
  }
  end() {
    this.offer = null;
  }
};

// client/surroundings.ts
var inBrowser = typeof location !== "undefined";
function mustPause() {
  if (inBrowser && !navigator.onLine) return "offline";
  return typeof document !== "undefined" && document.visibilityState === "hidden" ? "paused" : null;
}
function watch({ signal, changed, left, violated }) {
  if (!inBrowser) return;
  for (const type of ["online", "offline", "pageshow"]) globalThis.addEventListener(type, changed, { signal });
  globalThis.addEventListener("pagehide", left, { signal });
  if (typeof document === "undefined") return;
  document.addEventListener("visibilitychange", changed, { signal });
  document.addEventListener("securitypolicyviolation", violated, { signal });
}
function ownOrigin() {
  return inBrowser ? location.origin : "";
}
function canShare() {
  return inBrowser && Boolean(navigator.locks) && typeof BroadcastChannel === "function";
}

// client/shared.ts
var beatMs = 1e4;
var silentMs = 25e3;
var answerMs = 5e3;
var Shared = class {
  constructor(o) {
    this.o = o;
    this.channel = null;
    this.leads = false;
    this.behind = false;
    this.role = new AbortController();
    this.timer = 0;
    this.wake = () => void 0;
    o.signal.addEventListener("abort", () => this.close(), { once: true });
    if (!canShare()) {
      this.leads = true;
      return;
    }
    this.channel = new BroadcastChannel(o.name);
    this.channel.onmessage = (event) => this.hear(event.data);
    this.claim(false);
    this.post({ hello: true });
    this.wait(answerMs);
  }
  /** Resolves when this page must use the network, or when sharing ends for this page. */
  async turn() {
    while (!this.leads && !this.behind && !this.o.signal.aborted) {
      await new Promise((resolve2) => this.wake = resolve2);
    }
    return { leads: this.leads, signal: this.role.signal };
  }
  /** Must be called when this page, which does not lead, has caught up. */
  caughtUp() {
    this.behind = false;
  }
  /** Passes an update on to the other pages, if this page leads. */
  pass(update) {
    const heartbeat = update.from === update.revision && !update.reset;
    if (this.leads && !heartbeat) this.post({ update });
  }
  /** Tells the other pages about this page, if it leads. */
  beat() {
    if (this.leads) this.post({ word: this.o.word() });
  }
  post(message) {
    if (!this.o.signal.aborted) this.channel?.postMessage(message);
  }
  hear(message) {
    if (!isObject(message)) return;
    if (message.hello === true) this.beat();
    if (this.leads) return;
    if (isUpdate(message.update)) {
      this.wait(silentMs);
      const again = this.o.deliver(message.update);
      if (again || this.o.cursor() >= message.update.revision) this.lacks(again);
    }
    if (isWord(message.word)) {
      this.wait(silentMs);
      this.lacks(this.behind || this.o.cursor() < message.word.revision);
      this.o.heard(message.word, this.behind);
    }
  }
  lacks(something) {
    this.behind = something;
    if (something) this.wake();
  }
  /** Queues for the lock, or takes it from a page that hangs. */
  claim(steal) {
    const { name, signal } = this.o;
    const held = () => new Promise((release) => {
      if (signal.aborted) return release();
      signal.addEventListener("abort", () => release(), { once: true });
      this.take(true);
    });
    navigator.locks.request(name, steal ? { steal } : { signal }, held).catch((err) => {
      if (signal.aborted) return;
      const stolen = err instanceof DOMException && err.name === "AbortError";
      this.take(!stolen);
      if (stolen && !steal) this.claim(false);
    });
  }
  take(leads) {
    this.leads = leads;
    this.behind = false;
    this.stopTimer();
    if (leads) {
      this.beat();
      this.timer = setInterval(() => this.beat(), beatMs);
    } else {
      this.wait(silentMs);
    }
    this.turnOver();
  }
  /** Takes the lead if the leader says nothing for so long. */
  wait(ms) {
    this.stopTimer();
    this.timer = setTimeout(() => this.claim(true), ms * (1 + Math.random() / 4));
  }
  stopTimer() {
    clearTimeout(this.timer);
  }
  turnOver() {
    this.role.abort();
    if (!this.o.signal.aborted) this.role = new AbortController();
    this.wake();
  }
  close() {
    this.stopTimer();
    this.channel?.close();
    this.turnOver();
  }
};
var statuses = ["connecting", "live", "reconnecting", "blocked"];
function isWord(value) {
  return isObject(value) && statuses.includes(value.status) && Number.isSafeInteger(value.revision) && typeof value.transport === "string";
}

// client/connection.ts
var longestBackoff = 3e4;
var settledMs = 1e4;
var patience = 3;
var rememberFor = 6e5;
var memory = "motacilla-transport";
var Connection = class {
  constructor(o) {
    this.o = o;
    this.session = null;
    this.pages = null;
    this.status = "connecting";
    this.stopped = false;
    this.offers = null;
    /** The transport in use; the next attempt begins with it. */
    this.current = remembered();
    /** Is used instead of it, and is not remembered. */
    this.detour = new Detour();
    /** The transport that brought the last update. */
    this.worked = "";
    /** Whether this attempt has used the transport, and when its first update came. */
    this.tried = false;
    this.began = 0;
    /** Failures in a row, for the backoff, and how many of them were the transport's fault. */
    this.failures = 0;
    this.blamed = 0;
    /** The last attempt brought nothing. If the list of transports can be read, that is the transport's fault. */
    this.suspect = false;
    /** The server can be reached, but the list can't be read: the page's origin or its policy does not allow it. */
    this.blocked = false;
    this.events = new AbortController();
  }
  start() {
    watch({
      signal: this.events.signal,
      changed: () => this.check(),
      left: () => this.pause("paused"),
      violated: (event) => this.violated(event)
    });
    this.check();
  }
  /** Ends the connection for good. */
  stop(status) {
    this.stopped = true;
    this.events.abort();
    this.pause(status);
  }
  check() {
    if (this.stopped) return;
    const why = mustPause();
    if (why) this.pause(why);
    else if (!this.session) void this.follow();
  }
  pause(status) {
    this.session?.abort();
    this.session = null;
    this.tell(status);
  }
  tell(status) {
    this.status = status;
    this.pages?.beat();
    this.o.onStatus(status);
  }
  /** Tells that there is no connection yet, or no more. */
  tellWaiting() {
    this.tell(this.worked ? "reconnecting" : this.blocked ? "blocked" : "connecting");
  }
  async follow() {
    const session = new AbortController();
    this.session = session;
    this.failures = 0;
    this.tellWaiting();
    const pages = this.pages = new Shared({
      name: `motacilla 1 ${this.o.transportsURL}${this.o.shareAs ? ` ${this.o.shareAs}` : ""}`,
      signal: session.signal,
      cursor: this.o.cursor,
      word: () => ({ status: this.status, revision: this.o.cursor(), transport: this.worked }),
      heard: (word, behind) => {
        if (Object.keys(this.o.transports).includes(word.transport)) {
          this.worked = this.current = word.transport;
        }
        if (!behind || word.status !== "live") this.tell(word.status);
      },
      deliver: (update) => this.o.deliver(update, false)
    });
    while (!session.signal.aborted) {
      const turn = await pages.turn();
      if (turn.signal.aborted) continue;
      try {
        await this.attempt(pages, turn);
      } catch (err) {
        if (session.signal.aborted) return;
        if (turn.signal.aborted) continue;
        const pause = this.failed(err);
        if (pause === null) return;
        await sleep(pause, turn.signal).catch(() => void 0);
      }
    }
  }
  /** Runs one transport until it fails. If this page does not lead, it ends when the page has caught up. */
  async attempt(pages, turn) {
    const limit = this.o.firstUpdateMs ?? 5e3;
    const inner = new AbortController();
    const stop = () => inner.abort();
    turn.signal.addEventListener("abort", stop, { once: true });
    let watchdog = setTimeout(stop, limit);
    let back = 0;
    let done = false;
    this.tried = false;
    this.began = 0;
    try {
      const offer = await this.offer(inner.signal);
      const away = this.detour.now() !== null;
      if (away) {
        back = setTimeout(() => {
          done = true;
          this.detour.end();
          stop();
        }, this.detour.left());
      }
      this.tried = true;
      clearTimeout(watchdog);
      watchdog = setTimeout(stop, limit);
      const transport = this.o.transports[offer.name];
      if (!transport) throw new Error(`unknown transport ${offer.name}`);
      const session = {
        url: resolve(offer.url, serverOf(this.o.transportsURL), this.o.transportsURL),
        signal: inner.signal,
        silenceMs: this.o.silenceMs ?? 45e3,
        cursor: this.o.cursor,
        deliver: (update, asked) => {
          if (inner.signal.aborted) return false;
          if (!this.began) {
            this.began = Date.now();
            clearTimeout(watchdog);
            this.worked = this.current;
            if (!away) remember(offer.name);
            this.tell("live");
          }
          pages.pass(update);
          const again = this.o.deliver(update, asked);
          if (!turn.leads && !again) {
            done = true;
            pages.caughtUp();
            stop();
          }
          return again;
        }
      };
      await transport(session);
    } catch (err) {
      if (!done) throw err;
    } finally {
      clearTimeout(watchdog);
      clearTimeout(back);
      turn.signal.removeEventListener("abort", stop);
      inner.abort();
    }
  }
  /** Returns how long to wait before the next attempt, or null if there must be none. */
  failed(err) {
    if (err instanceof Moved) {
      if (this.detour.begin(err, this.offers ?? [], this.current)) return 0;
      err = new Refused(503, err.retryMs, true);
    }
    const { status, retryAfter: later, own } = err instanceof Refused ? err : new Refused(0, 0);
    const missing = status === 404 || status === 410;
    const denied = missing || status === 401 || status === 403;
    if (denied && own && !this.tried) {
      this.stop(missing ? "gone" : "refused");
      return null;
    }
    const pause = err instanceof Ended ? err.pause : 0;
    if (this.began && Date.now() - this.began > settledMs) {
      this.failures = this.blamed = 0;
      if (err instanceof Ended) return pause;
    }
    this.failures++;
    this.tellWaiting();
    if (this.detour.now()) {
      if (denied) this.offers = null;
      if (status !== 429 && !(status === 503 && own)) this.detour.end();
    } else if (this.tried && status !== 429 && status !== 503) {
      if (denied || !(this.began || status)) this.suspect = true;
      else this.blame();
      if (!this.worked && this.failures < (this.offers?.length ?? 0)) return 0;
    }
    const backoff = Math.min((this.o.backoffMs ?? 500) * 2 ** Math.min(this.failures - 1, 10), longestBackoff);
    return Math.max(backoff * (0.5 + Math.random()), pause, later * (1 + Math.random() / 4));
  }
  /** Counts a failure of the transport in use. After too many, the next transport is used. */
  blame() {
    this.suspect = false;
    if (++this.blamed < (this.worked === this.current ? patience : 1) || !this.offers) return;
    const next = this.offers[(this.offers.findIndex((t) => t.name === this.current) + 1) % this.offers.length];
    this.current = next?.name ?? "";
    this.blamed = 0;
  }
  async offer(signal) {
    if (!this.offers || this.suspect) {
      const answer = await this.list(signal);
      if (!answer.ok) throw await refused(answer);
      const list = await answer.json();
      const usable = (list.transports ?? []).filter((t) => t.name in this.o.transports);
      if (usable.length === 0) throw new Error("the server offers no transport that this client knows");
      this.offers = usable;
      if (this.suspect) this.blame();
    }
    const away = this.detour.now();
    if (away) return away;
    const offer = this.offers.find((t) => t.name === this.current) ?? this.offers[0];
    if (!offer) throw new Error("no transport");
    this.current = offer.name;
    return offer;
  }
  /**
   * Asks for the list. A browser does not say whether the network is down or the page's origin is not allowed. The
   * server's assets may be read from every origin, so a request for one of them tells.
   */
  async list(signal) {
    const url = this.o.transportsURL;
    const own = ownOrigin();
    try {
      const answer = await fetch(url, { cache: "no-cache", credentials: "same-origin", signal });
      this.blocked = false;
      return answer;
    } catch (err) {
      if (this.worked || signal.aborted || this.blocked || !own || url.origin === own) throw err;
      const asset = new URL("assets/live.js", serverOf(url));
      const there = await fetch(asset, { method: "HEAD", cache: "no-store", credentials: "omit", signal }).catch(() => null);
      if (there?.ok) {
        this.block(`${url.origin} does not let pages of ${own} read it: server.origins has to name that origin`);
      }
      throw err;
    }
  }
  violated(event) {
    const { href, origin } = this.o.transportsURL;
    if (this.worked || event.effectiveDirective !== "connect-src" || event.disposition !== "enforce") return;
    if (event.blockedURI !== href && event.blockedURI !== origin) return;
    this.block(`this page's Content-Security-Policy forbids connections to ${origin}: connect-src has to name it`);
    if (this.session) this.tellWaiting();
  }
  block(why) {
    if (!this.blocked) console.warn(`live-posts: ${why}`);
    this.blocked = true;
  }
};
function remember(name) {
  try {
    sessionStorage.setItem(memory, JSON.stringify({ name, at: Date.now() }));
  } catch {
  }
}
function remembered() {
  try {
    const { name, at } = JSON.parse(sessionStorage.getItem(memory) ?? "{}");
    return name && at && Date.now() - at < rememberFor ? name : "";
  } catch {
    return "";
  }
}

// client/scroll.ts
function scrollerOf(element) {
  for (let e = element; e && e !== document.body && e !== document.documentElement; e = outer(e)) {
    if (/auto|scroll|overlay/.test(getComputedStyle(e).overflowY) && e.scrollHeight > e.clientHeight) return e;
  }
  return document.scrollingElement ?? document.documentElement;
}
function outer(element) {
  if (element.assignedSlot) return element.assignedSlot;
  const root = element.parentElement ?? element.getRootNode();
  return root instanceof ShadowRoot ? root.host : root instanceof Element ? root : null;
}
function view(element, scroller = scrollerOf(element)) {
  if (scroller === document.scrollingElement) return { top: 0, bottom: window.innerHeight };
  const box = scroller.getBoundingClientRect();
  return { top: Math.max(0, box.top), bottom: Math.min(window.innerHeight, box.bottom) };
}
function rootOf(element) {
  const root = element.getRootNode();
  return { activeElement: root.activeElement ?? null, selection: root.getSelection?.() ?? document.getSelection() };
}

// client/anchor.ts
var atTop = 8;
var topOfList = (list, scroller) => scroller === list ? scroller.scrollTop <= atTop : list.getBoundingClientRect().top >= view(list, scroller).top - atTop;
var rest = { of: null, at: 0, by: 0 };
function hold(list, changed, follows) {
  const inHand = handled(list);
  const scroller = scrollerOf(list);
  if (!inHand && follows(list, scroller)) return () => void 0;
  const owed = rest.of === scroller && rest.at === scroller.scrollTop ? rest.by : 0;
  const seen = view(list, scroller);
  const candidates = [];
  for (const element of list.querySelectorAll(".live-post-wrapper")) {
    const { top, bottom: bottom2, height } = element.getBoundingClientRect();
    if (height === 0 || bottom2 <= seen.top || top >= seen.bottom) continue;
    candidates.push({ element, edge: "top", at: top - owed });
  }
  const rank = (c) => (c.element === inHand ? 0 : 4) + (changed.has(c.element) ? 2 : 0) + (c.at < seen.top ? 1 : 0);
  candidates.sort((a, b) => rank(a) - rank(b) || a.at - b.at);
  const { bottom } = list.getBoundingClientRect();
  if (candidates.length === 0 && bottom <= seen.bottom) candidates.push({ element: list, edge: "bottom", at: bottom - owed });
  const style = (scroller === document.scrollingElement ? document.documentElement : scroller).style;
  style.overflowAnchor = "none";
  return () => {
    for (const { element, edge, at } of candidates) {
      const now = element.getBoundingClientRect();
      if (!element.isConnected || now.height === 0) continue;
      if (now[edge] !== at) scroller.scrollBy({ top: now[edge] - at, behavior: "instant" });
      const left = element.getBoundingClientRect()[edge] - at;
      rest = { of: scroller, at: scroller.scrollTop, by: Math.abs(left) < 1 ? left : 0 };
      break;
    }
    requestAnimationFrame(() => style.overflowAnchor = "");
  };
}
function handled(list) {
  const { activeElement, selection } = rootOf(list);
  const selected = selection && !selection.isCollapsed ? selection.anchorNode : null;
  const playing = [...list.querySelectorAll("video, audio")].find((media) => !media.paused);
  for (const node of [selected, activeElement, playing ?? null]) {
    const element = node instanceof Element ? node : node?.parentElement;
    const wrapper = element?.closest(".live-post-wrapper");
    if (wrapper && list.contains(wrapper)) return wrapper;
  }
  return null;
}

// client/embeds.ts
var key = "motacilla.embeds";
function agreed() {
  try {
    const list = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(list) ? list.filter((name) => typeof name === "string") : [];
  } catch {
    return [];
  }
}
function agree(provider, always) {
  try {
    const others = agreed().filter((name) => name !== provider);
    localStorage.setItem(key, JSON.stringify(always ? [...others, provider] : others));
  } catch {
  }
}
var Embeds = class {
  constructor(list, signal) {
    this.list = list;
    /** The URLs of players that were loaded. A post that is edited keeps them. */
    this.opened = /* @__PURE__ */ new Set();
    list.addEventListener("click", (event) => this.clicked(event), { signal });
    list.addEventListener("change", (event) => this.ticked(event), { signal });
  }
  /** Shows the buttons of a post, and the players that need none. */
  offer(post) {
    const always = post.querySelector("[data-live-ask]") ? agreed() : [];
    for (const ask2 of post.querySelectorAll("[data-live-ask]")) {
      const provider = ask2.dataset.liveAsk ?? "";
      const box = ask2.querySelector("input");
      ask2.hidden = false;
      if (box) box.checked = always.includes(provider);
      const place = placeOf(ask2);
      if (place && (always.includes(provider) || this.opened.has(place.dataset.liveFrame ?? ""))) this.open(ask2);
    }
  }
  clicked(event) {
    const button = event.target instanceof Element ? event.target.closest(".embed-show") : null;
    const ask2 = button?.closest("[data-live-ask]");
    if (!ask2) return;
    this.open(ask2)?.focus();
    if (ask2.querySelector("input")?.checked) this.openAll(ask2.dataset.liveAsk ?? "");
  }
  ticked(event) {
    const box = event.target;
    const ask2 = box instanceof HTMLInputElement ? box.closest("[data-live-ask]") : null;
    if (!ask2 || !(box instanceof HTMLInputElement)) return;
    const provider = ask2.dataset.liveAsk ?? "";
    agree(provider, box.checked);
    for (const other of this.asks(provider)) {
      const its = other.querySelector("input");
      if (its) its.checked = box.checked;
    }
  }
  asks(provider) {
    return [...this.list.querySelectorAll("[data-live-ask]")].filter((ask2) => ask2.dataset.liveAsk === provider);
  }
  openAll(provider) {
    for (const ask2 of this.asks(provider)) this.open(ask2);
  }
  /** Puts a player in its place. */
  open(ask2) {
    const place = placeOf(ask2);
    const url = place?.dataset.liveFrame ?? "";
    const frame = place && frameOf(place, url);
    if (!place || !frame) return null;
    this.opened.add(url);
    place.replaceWith(frame);
    frame.parentElement?.classList.remove("embed-player--asks");
    const button = ask2.querySelector(".embed-show");
    if (button) button.hidden = true;
    return frame;
  }
};
function placeOf(ask2) {
  const player = ask2.previousElementSibling?.previousElementSibling ?? null;
  return player?.matches("[data-live-embed]") ? player.querySelector("[data-live-frame]") : null;
}
function frameOf(place, src) {
  let url;
  try {
    url = new URL(src, document.baseURI);
  } catch {
    return null;
  }
  if (!/^https?:$/.test(url.protocol)) return null;
  const other = /^https?:/i.test(src) && url.origin !== location.origin && !/\/embeds\/[0-9a-f]{32}$/.test(url.pathname);
  const frame = document.createElement("iframe");
  frame.className = "embed-frame";
  frame.title = place.title;
  const sandbox = "allow-scripts allow-popups allow-popups-to-escape-sandbox";
  frame.setAttribute("sandbox", other ? `${sandbox} allow-same-origin allow-forms allow-presentation` : sandbox);
  frame.allow = "fullscreen; encrypted-media; picture-in-picture";
  frame.referrerPolicy = "strict-origin-when-cross-origin";
  if (place.dataset.height) frame.height = place.dataset.height;
  frame.src = url.href;
  return frame;
}

// client/html.ts
var policy;
function trusted(html) {
  policy ?? (policy = window.trustedTypes?.createPolicy("motacilla", { createHTML: (s) => s }));
  return policy?.createHTML(html) ?? html;
}
function parsePost(html) {
  const template = document.createElement("template");
  template.innerHTML = trusted(html);
  for (const script of template.content.querySelectorAll("script, base, meta, object, embed, animate, set")) script.remove();
  for (const element of template.content.querySelectorAll("*")) {
    for (const { name, value } of [...element.attributes]) {
      const runs = /^(on|srcdoc$)/.test(name) || /^javascript:/i.test(value.replace(/[\u0000-\u0020]/g, ""));
      if (runs) element.removeAttribute(name);
    }
  }
  return template.content.firstElementChild;
}
function parsePage(html) {
  return new DOMParser().parseFromString(trusted(html), "text/html");
}

// client/dom.ts
function read(list) {
  const posts = [];
  for (const wrapper of list.querySelectorAll(".live-post-wrapper")) {
    const element = wrapper.querySelector(".live-post");
    const id = element?.dataset.postId;
    if (!element || !id) continue;
    posts.push({
      id,
      show: true,
      content: element.outerHTML,
      created: wrapper.dataset.created ?? "",
      modified: wrapper.dataset.modified ?? "",
      pinned: wrapper.dataset.pinned === "true",
      revision: Number(wrapper.dataset.revision)
    });
  }
  return posts;
}
var List = class {
  constructor(root, posts, o) {
    this.root = root;
    this.o = o;
    this.shown = /* @__PURE__ */ new Map();
    this.embeds = new Embeds(root, o.signal);
    const held = new Map(posts.map((post) => [post.id, post]));
    for (const wrapper of root.querySelectorAll(".live-post-wrapper")) {
      const id = wrapper.querySelector(".live-post")?.dataset.postId;
      const post = id ? held.get(id) : void 0;
      if (!post) continue;
      this.shown.set(post.id, { wrapper, post });
    }
    this.dress();
  }
  /** Dresses all posts again, because the words have changed. */
  dress() {
    for (const { wrapper } of this.shown.values()) {
      this.label(wrapper);
      if (!wrapper.firstElementChild) continue;
      this.o.dress?.(wrapper, wrapper.firstElementChild);
      this.embeds.offer(wrapper.firstElementChild);
    }
  }
  label(wrapper) {
    if (wrapper.dataset.pinned === "true") wrapper.dataset.label = this.o.pinned();
    else delete wrapper.dataset.label;
  }
  /**
   * Makes the list show posts, which must be oldest first, as a view returns them. It does not touch the elements of
   * posts that did not change. Returns the wrappers of visible posts that are new.
   */
  sync(posts) {
    const keep = new Set(posts.map((post) => post.id));
    const changed = /* @__PURE__ */ new Set();
    for (const post of posts) {
      const shown = this.shown.get(post.id);
      if (shown && differs(shown.post, post)) changed.add(shown.wrapper);
    }
    for (const [id, { wrapper }] of this.shown) if (!keep.has(id)) changed.add(wrapper);
    if (changed.size === 0 && posts.length === this.shown.size) return [];
    const release = hold(this.root, changed, this.o.follows);
    this.root.setAttribute("aria-busy", "true");
    const fresh = [];
    for (const [id, { wrapper }] of this.shown) {
      if (keep.has(id)) continue;
      wrapper.remove();
      this.shown.delete(id);
    }
    for (const post of posts) {
      const shown = this.shown.get(post.id);
      if (shown && shown.post.created !== post.created) shown.wrapper.remove();
    }
    let next = null;
    for (const post of posts) {
      let shown = this.shown.get(post.id);
      const known2 = shown !== void 0;
      if (!shown) {
        shown = { wrapper: document.createElement("div"), post };
        shown.wrapper.className = "live-post-wrapper";
        shown.wrapper.setAttribute("role", "article");
        shown.wrapper.tabIndex = -1;
        this.shown.set(post.id, shown);
        if (post.show) fresh.push(shown.wrapper);
      }
      if (!known2 || differs(shown.post, post)) this.fill(shown, post, known2);
      if (!shown.wrapper.isConnected) this.root.insertBefore(shown.wrapper, next);
      next = shown.wrapper;
    }
    this.root.setAttribute("aria-busy", "false");
    release();
    return fresh;
  }
  /** Reports whether no post is visible. */
  empty() {
    for (const { post } of this.shown.values()) if (post.show) return false;
    return true;
  }
  fill(shown, post, known2) {
    const { wrapper } = shown;
    wrapper.dataset.created = post.created;
    wrapper.dataset.modified = post.modified;
    wrapper.dataset.revision = String(post.revision);
    wrapper.dataset.pinned = String(post.pinned);
    this.label(wrapper);
    wrapper.hidden = !post.show;
    const old = wrapper.firstElementChild;
    const element = parsePost(post.content);
    if (element) {
      this.o.clock().tell(element);
      this.o.dress?.(wrapper, element);
      this.embeds.offer(element);
    }
    const focused = old?.contains(rootOf(wrapper).activeElement) === true;
    const same = old && known2 && (shown.post.content === post.content || old.outerHTML === element?.outerHTML);
    if (element && !same) wrapper.replaceChildren(element);
    if (focused && post.show) wrapper.focus({ preventScroll: true });
    if (known2 && post.show && shown.post.modified !== post.modified) this.flash(wrapper, "is-edited");
    shown.post = post;
  }
  /** Marks a post until its animation is over. */
  flash(wrapper, name) {
    wrapper.classList.add(name);
    const over = () => wrapper.classList.remove(name);
    sleep(2500, this.o.signal).then(over, over);
  }
};
function differs(a, b) {
  return a.revision !== b.revision || a.show !== b.show || a.pinned !== b.pinned || a.created !== b.created;
}

// client/older.ts
function olderURL(query, channelPage) {
  const url = new URL(channelPage);
  url.searchParams.set("before", `${query.before.created}_${query.before.id}`);
  return url;
}
async function loadOlder(view2, channelPage, signal) {
  for (let refused2 = 0; refused2 < 5; ) {
    const query = view2.older();
    if (!query) return;
    const list = await olderList(query, channelPage, signal);
    const posts = read(list);
    const held = view2.posts().length;
    if (!view2.addOlder(query, Number(list.dataset.revision), posts, list.dataset.complete === "true")) refused2++;
    else if (!posts.length || view2.posts().length > held) return;
  }
  throw new Error("older posts: the pages do not fit the view");
}
async function olderList(query, channelPage, signal) {
  let failure;
  for (const page of [channelPage, new URL(`${channelPage.pathname}/older`, channelPage)]) {
    try {
      const answer = await fetch(olderURL(query, page), { cache: "no-cache", credentials: "same-origin", signal });
      const list = answer.ok ? parsePage(await answer.text()).querySelector("#live-posts") : null;
      if (list) return list;
      failure = new Error(`older posts: ${answer.ok ? "no list" : answer.status}`);
      if (!answer.ok && answer.status !== 404) break;
    } catch (err) {
      failure = err;
    }
  }
  throw failure;
}

export {
  listOf,
  serverOf,
  resolve,
  lead,
  isUpdate,
  isObject,
  Refused,
  moved,
  refused,
  sleep,
  retryAfter,
  Connection,
  view,
  rootOf,
  topOfList,
  hold,
  read,
  List,
  olderURL,
  loadOlder,
  stream,
  orderlyEnd,
  streamURL,
  known,
  View
};
