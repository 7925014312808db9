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
function refusedChannel(said) {
  const later = typeof said.retry_after === "number" ? Math.min(said.retry_after * 1e3, 3e5) : 0;
  return moveOf(said, later) ?? new Refused(typeof said.status === "number" ? said.status : 0, later, true);
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
function denial(err, own = false) {
  if (!(err instanceof Refused) || own && !err.own) return null;
  if (err.status === 404 || err.status === 410) return "gone";
  return err.status === 401 || err.status === 403 ? "refused" : null;
}
function linked(signal) {
  const life = new AbortController();
  const stop = () => life.abort();
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  return { life, unlink: () => signal.removeEventListener("abort", stop) };
}
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
  const update = await fetchJSON(s, { query, cache, signal: s.signal });
  if (!isUpdate(update)) throw new Error("the answer is no update");
  return update;
}
async function fetchJSON(s, { query = {}, cache, signal }) {
  const url = new URL(s.url);
  url.searchParams.set("since", String(s.cursor()));
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const answer = await fetch(url, { cache, credentials: "same-origin", headers: { Accept: "application/json" }, signal });
  if (!answer.ok) throw await refused(answer);
  return answer.json();
}

// client/transports/stream.ts
var spreadMs = 3e3;
var notices = ["subscribed", "refused", "heartbeat"];
var openers = /* @__PURE__ */ new WeakMap();
function streaming(open) {
  const transport = (s) => new Promise((_, reject) => {
    let asked = true;
    listen(streamURL(s), open, s, (message) => {
      if (!isUpdate(message)) return new Error("the message is no update");
      const again = s.deliver(message, asked);
      asked = false;
      return again ? new Ended(500 + Math.random() * 1e3) : null;
    }, reject);
  });
  openers.set(transport, open);
  return transport;
}
function opener(transport) {
  return transport && openers.get(transport);
}
function listen(url, open, s, take, over) {
  const aborted = () => new DOMException("aborted", "AbortError");
  if (s.signal.aborted) {
    over(aborted());
    return null;
  }
  let source = null;
  let silence = 0;
  let ended = false;
  const end = (err) => {
    if (ended) return;
    ended = true;
    clearTimeout(silence);
    s.signal.removeEventListener("abort", abort);
    source?.close();
    over(err);
  };
  const abort = () => end(aborted());
  const wait = () => {
    clearTimeout(silence);
    silence = setTimeout(() => end(orderlyEnd()), s.silenceMs);
  };
  const message = (text) => {
    if (s.signal.aborted) return;
    wait();
    const err = take(parse(text));
    if (err) end(err);
  };
  try {
    source = open(url, { message, end }, s.signal);
    s.signal.addEventListener("abort", abort);
    wait();
  } catch (err) {
    end(err);
  }
  return source;
}
function parse(text) {
  try {
    return JSON.parse(String(text));
  } catch {
    return null;
  }
}
function orderlyEnd() {
  return new Ended(Math.random() * spreadMs);
}
async function refusal(url, signal) {
  const answer = await fetch(url, { cache: "no-store", credentials: "same-origin", signal });
  if (!answer.ok) return refused(answer);
  void answer.body?.cancel();
  return new Error("the stream did not begin");
}
function streamURL(s) {
  const url = new URL(s.url);
  url.searchParams.set("since", String(s.cursor()));
  return url;
}

// client/transports/hub.ts
var hubs = /* @__PURE__ */ new WeakSet();
function isHub(transport) {
  return transport !== void 0 && hubs.has(transport);
}
function hub(dials) {
  const transport = async (s) => {
    const { life, unlink } = linked(s.signal);
    const { signal } = life;
    try {
      const first = await inquire(s, signal);
      const dial = Object.keys(dials).includes(first.ticket.protocol) ? dials[first.ticket.protocol] : void 0;
      if (!dial) throw new Error(`unknown hub ${first.ticket.protocol}`);
      s.deliver(first.update, true, false);
      if (signal.aborted) throw new DOMException("aborted", "AbortError");
      await new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")), { once: true });
        new Following(s, signal, first.update.channel, reject).begin(dial, first.ticket);
      });
    } finally {
      unlink();
      life.abort();
    }
  };
  hubs.add(transport);
  return transport;
}
async function inquire(s, signal) {
  const answer = await fetchJSON(s, { cache: "no-store", signal });
  if (!isObject(answer) || !isUpdate(answer.update) || !isTicket(answer.hub)) throw new Error("the answer is no ticket");
  const check = Number(answer.check_ms) || 6e4;
  return { update: answer.update, check: Math.min(Math.max(check, 1e3), 36e5), ticket: answer.hub };
}
function isTicket(value) {
  if (!isObject(value) || typeof value.protocol !== "string" || typeof value.url !== "string") return false;
  return [value.sse, value.channel, value.token, value.subscription, value.auth].every((v) => v === void 0 || typeof v === "string");
}
var spreadMs2 = 1e3;
var graceMs = 1e4;
var Following = class {
  constructor(s, signal, channel, over) {
    this.s = s;
    this.signal = signal;
    this.channel = channel;
    this.over = over;
    this.isReady = false;
    this.timer = 0;
    this.asking = false;
    /** Something is missing, and a question is due. */
    this.lacking = false;
    /** The newest revision that an update had which did not fit. */
    this.told = 0;
    /** A check has brought what the hub has not sent. */
    this.doubt = false;
    /** How many answers in a row have brought nothing, although something was missing. */
    this.vain = 0;
    this.check = 0;
  }
  begin(dial, ticket) {
    const { signal } = this;
    let close = () => void 0;
    signal.addEventListener("abort", () => {
      clearTimeout(this.timer);
      close();
    }, { once: true });
    const ear = {
      signal,
      ready: () => this.ready(),
      message: (said) => this.take(said),
      end: (err) => this.over(err ?? (this.isReady ? orderlyEnd() : new Error("the hub does not answer")))
    };
    try {
      close = dial(ticket, ear, this.s, this.channel);
    } catch (err) {
      this.over(err);
    }
  }
  ready() {
    if (this.isReady || this.signal.aborted) return;
    this.isReady = true;
    void this.ask(false);
  }
  take(said) {
    const { s } = this;
    if (this.signal.aborted || !isUpdate(said) || said.channel !== this.channel) return;
    this.doubt = false;
    const unfit = s.deliver(said, false);
    if (unfit) this.told = Math.max(this.told, said.revision);
    if (this.signal.aborted || this.lacking || this.asking || !this.isReady) return;
    if (unfit) this.lacks(0);
    else this.wait();
  }
  lacks(least) {
    this.lacking = true;
    this.later(least + Math.random() * spreadMs2);
  }
  wait() {
    this.later(this.check * (0.9 + Math.random() * 0.2));
  }
  later(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.doubt) this.over(orderlyEnd());
      else void this.ask(!this.lacking);
    }, ms);
  }
  /** Asks the server. quiet: only because the hub has said nothing for long. */
  async ask(quiet) {
    const { s } = this;
    clearTimeout(this.timer);
    this.asking = true;
    this.lacking = false;
    const cursor = s.cursor();
    this.timer = setTimeout(() => this.over(orderlyEnd()), s.silenceMs);
    try {
      const { update, check } = await inquire(s, this.signal);
      clearTimeout(this.timer);
      this.asking = false;
      this.check = check;
      const again = s.deliver(update, s.cursor() === cursor);
      if (this.signal.aborted) return;
      const now = s.cursor();
      this.vain = now === cursor && !quiet ? this.vain + 1 : 0;
      if (again || this.told > now) this.lacks(Math.min(spreadMs2 * 2 ** Math.min(this.vain, 10), check));
      else if (quiet && now !== cursor) {
        this.doubt = true;
        this.later(graceMs);
      } else this.wait();
    } catch (err) {
      this.over(err);
    }
  }
};

// client/transports/hubs/events.ts
var byEventSource = (url, { open, data, end }) => {
  const source = new EventSource(url.href);
  source.onopen = open;
  source.onmessage = (event) => data(event.data);
  source.onerror = () => {
    source.close();
    end();
  };
  return () => source.close();
};
function eventStream(listen2) {
  return ({ url, token }, { signal, ready, message, end }, s) => {
    const at = new URL(url, s.url);
    if (token) at.searchParams.set("authorization", token);
    return listen2(at, { signal, open: ready, data: (text) => message(parse2(text)), end });
  };
}
function parse2(text) {
  try {
    return JSON.parse(String(text));
  } catch {
    return null;
  }
}

// client/transports/hubs/socket.ts
var longestMs = 36e5;
var lateMs = 3e4;
function openLine(at, { end }, take, begin) {
  const url = new URL(at);
  url.protocol = url.protocol.replace(/^http/, "ws");
  const socket = new WebSocket(url.href);
  let timer = 0;
  let quiet = 0;
  let question;
  const close = () => {
    clearTimeout(timer);
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.close();
  };
  const over = (err) => {
    close();
    end(err);
  };
  const wait = () => {
    clearTimeout(timer);
    if (quiet <= 0) return;
    timer = setTimeout(() => {
      if (question === void 0) return over();
      line.send(question);
      timer = setTimeout(over, lateMs);
    }, question === void 0 ? quiet + lateMs : quiet);
  };
  const line = {
    close,
    send: (said) => socket.send(JSON.stringify(said)),
    rhythm: (ms, ping) => {
      quiet = Math.min(ms, longestMs);
      question = ping;
      wait();
    }
  };
  socket.onopen = () => begin?.(line);
  socket.onclose = () => over();
  socket.onmessage = ({ data }) => {
    wait();
    for (const text of String(data).split("\n")) {
      const said = parse2(text);
      if (!socket.onmessage) return;
      if (typeof said === "object" && said !== null) take(line, said);
    }
  };
  return line;
}

// client/transports/hubs/centrifugo.ts
var socketMs = 2500;
function centrifugo(listen2) {
  return (ticket, ear, s) => {
    const events = () => inOneDirection(ticket, ear, s.url, listen2);
    if (!ticket.sse) return bothWays(ticket, ear, s.url).close;
    if (typeof WebSocket !== "function") return events();
    let works = false;
    let close = () => void 0;
    const fallBack = (err) => {
      clearTimeout(timer);
      if (works || ear.signal.aborted) return ear.end(err);
      works = true;
      close();
      try {
        close = events();
      } catch (failure) {
        ear.end(failure);
      }
    };
    const timer = setTimeout(fallBack, socketMs);
    try {
      close = bothWays(ticket, { ...ear, end: fallBack }, s.url, () => {
        works = true;
        clearTimeout(timer);
      }).close;
    } catch {
      fallBack();
    }
    return () => {
      clearTimeout(timer);
      close();
    };
  };
}
function bothWays({ url, channel = "", token, subscription }, ear, from, works) {
  const take = (line, said) => {
    const { error, connect, subscribe, push } = said;
    if (isObject(error)) ear.end(new Error(`the hub answers with error ${String(error.code)}`));
    else if (isObject(connect)) {
      works?.();
      line.rhythm((Number(connect.ping) || 0) * 1e3);
      if (subscribes(connect, channel)) ear.ready();
      else line.send({ id: 2, subscribe: { channel, token: subscription } });
    } else if (subscribe || said.id === 2) ear.ready();
    else if (isObject(push)) pushed(push, channel, ear);
    else if (!said.id) line.send({});
  };
  return openLine(new URL(url, from), ear, take, (line) => line.send({ id: 1, connect: { token, name: "motacilla" } }));
}
function inOneDirection({ sse: sse2 = "", channel = "" }, ear, from, listen2) {
  const data = (text) => {
    const said = parse2(text);
    if (!isObject(said)) return;
    const { connect } = said;
    if (!isObject(connect)) pushed(said, channel, ear);
    else if (subscribes(connect, channel)) ear.ready();
    else ear.end(new Error("the hub does not let this reader subscribe"));
  };
  return listen2(new URL(sse2, from), { signal: ear.signal, open: () => void 0, data, end: ear.end });
}
function subscribes({ subs }, channel) {
  return isObject(subs) && Object.keys(subs).includes(channel);
}
function pushed({ channel, pub, unsubscribe, disconnect }, own, ear) {
  if (disconnect || unsubscribe && channel === own) ear.end();
  else if (isObject(pub) && channel === own) ear.message(pub.data);
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

// client/transports/hubs/pusher.ts
var pusher = (ticket, ear, s, of) => {
  const { channel = "" } = ticket;
  const url = new URL(ticket.url, s.url);
  url.searchParams.set("protocol", "7");
  const subscribe = (line, auth) => line.send({ event: "pusher:subscribe", data: { channel, auth } });
  return openLine(url, ear, (line, { event, channel: at, data: told }) => {
    const data = typeof told === "string" ? parse2(told) : told;
    const said = isObject(data) ? data : {};
    if (typeof event !== "string") return;
    if (event === "pusher:connection_established") {
      line.rhythm(Math.max(Number(said.activity_timeout) || 120, 10) * 1e3, { event: "pusher:ping", data: {} });
      if (!ticket.auth) return subscribe(line);
      permit(ticket, String(said.socket_id), of, ear, s).then((auth) => ear.signal.aborted || subscribe(line, auth), ear.end);
    } else if (event === "pusher:ping") line.send({ event: "pusher:pong", data: {} });
    else if (event === "pusher:error") ear.end(new Error(`the hub answers with error ${String(said.code)}`));
    else if (at !== channel) return;
    else if (event === "pusher_internal:subscription_succeeded") ear.ready();
    else if (event === "pusher:subscription_error") ear.end(new Error("the hub does not let this reader subscribe"));
    else if (!/^(pusher|client-)/.test(event)) ear.message(data);
  }).close;
};
async function permit({ auth = "", channel = "" }, socket, of, { signal }, s) {
  const url = resolve(auth, s.server ?? new URL("/", s.url), s.url);
  const body = new URLSearchParams({ socket_id: socket, channel_name: channel, channel_id: of });
  const answer = await fetch(url, { method: "POST", body, credentials: "same-origin", signal });
  if (!answer.ok) throw await refused(answer);
  const permitted = await answer.json();
  return isObject(permitted) ? permitted.auth : void 0;
}

// client/transports/hubs/index.ts
function hubsBy(listen2) {
  const stream = eventStream(listen2);
  const any = hub({ mercure: stream, nchan: stream, centrifugo: centrifugo(listen2), pusher });
  return { mercure: any, centrifugo: any, pusher: any, nchan: any };
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

// client/transports/sse.ts
var sse = streaming((url, { message, end }, signal) => {
  const source = new EventSource(url.href);
  let heard = false;
  const hear = (event) => {
    heard = true;
    message(event.data);
  };
  for (const type of ["message", ...notices]) source.addEventListener(type, (event) => hear(event));
  source.addEventListener("transport", (event) => end(moved(event.data)));
  source.onerror = () => {
    const refused2 = source.readyState === EventSource.CLOSED;
    source.close();
    if (refused2) refusal(url, signal).then(end, end);
    else end(heard ? orderlyEnd() : new Error("no stream"));
  };
  return source;
});

// client/transports/websocket.ts
var webSocket = streaming((at, { message, end }, signal) => {
  const url = new URL(at);
  const http = new URL(at);
  url.protocol = url.protocol.replace(/^http/, "ws");
  http.protocol = http.protocol.replace(/^ws/, "http");
  const socket = new WebSocket(url.href);
  let opened = false;
  let heard = false;
  socket.onopen = () => opened = true;
  socket.onmessage = (event) => {
    heard = true;
    message(event.data);
  };
  socket.onclose = ({ code, reason }) => {
    if (signal.aborted) return;
    if (!opened) refusal(http, signal).then(end, end);
    else if (code === 1008) end(new Refused(403, 0));
    else if (code === 4404) end(new Refused(404, 0));
    else if (code === 4503) end(moved(reason));
    else if (code === 1013) end(new Refused(503, 5e3 + Math.random() * 1e4));
    else if (heard && goingAway.includes(code)) end(orderlyEnd());
    else end(new Error(`the WebSocket closed with ${code}`));
  };
  return {
    close: () => {
      socket.onclose = socket.onmessage = null;
      socket.close();
    },
    send: (text) => {
      if (opened) socket.send(text);
      else socket.addEventListener("open", () => socket.send(text));
    }
  };
});
var goingAway = [1e3, 1001, 1005, 1006, 1012];

// client/transports/index.ts
var known = {
  sse,
  websocket: webSocket,
  "interval-polling": intervalPolling,
  "long-polling": longPolling,
  ...hubsBy(byEventSource)
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

// client/surroundings.ts
var inBrowser = typeof location !== "undefined";
function mustPause() {
  if (inBrowser && !navigator.onLine) return "offline";
  return typeof document !== "undefined" && document.visibilityState === "hidden" ? "paused" : null;
}
function watch({ signal, changed, left }) {
  if (!inBrowser) return;
  for (const type of ["online", "offline", "pageshow"]) globalThis.addEventListener(type, changed, { signal });
  globalThis.addEventListener("pagehide", left, { signal });
  if (typeof document === "undefined") return;
  document.addEventListener("visibilitychange", changed, { signal });
}
function watchPolicy(signal, violated) {
  if (typeof document !== "undefined") document.addEventListener("securitypolicyviolation", violated, { signal });
}
function ownOrigin() {
  return inBrowser ? location.origin : "";
}
function canShare() {
  return inBrowser && Boolean(navigator.locks) && typeof BroadcastChannel === "function";
}

// client/lists.ts
var Lists = class {
  constructor(transports) {
    this.transports = transports;
    /** The server can be reached, but its lists can't be read: the page's origin or its policy does not allow it. */
    this.blocked = false;
    this.asked = null;
    this.readable = false;
  }
  /** Returns the transports of a list that this client knows. */
  async read(list, signal) {
    const answer = await this.ask(list, signal);
    if (!answer.ok) throw await refused(answer);
    const usable = offersIn(await answer.json()).filter((t) => t.name in this.transports);
    if (usable.length === 0) throw new Error("the server offers no transport that this client knows");
    return usable;
  }
  /**
   * Asks for a list. A browser does not say whether the network is down or the page's origin is not allowed. The
   * server's assets may be read from every origin, so a request for one of them tells.
   */
  async ask(list, signal) {
    this.asked = list;
    const own = ownOrigin();
    try {
      const answer = await fetch(list, { cache: "no-cache", credentials: "same-origin", signal });
      this.blocked = false;
      this.readable = true;
      return answer;
    } catch (err) {
      if (this.readable || this.blocked || signal.aborted || !own || list.origin === own) throw err;
      const asset = new URL("assets/live.js", serverOf(list));
      const there = await fetch(asset, { method: "HEAD", cache: "no-store", credentials: "omit", signal }).catch(() => null);
      if (there?.ok) {
        this.block(`${list.origin} does not let pages of ${own} read it: server.origins has to name that origin`);
      }
      throw err;
    }
  }
  /** Must be called if the page's policy was violated. Returns whether it forbids to read a list. */
  violated(event) {
    if (this.readable || !this.asked || event.effectiveDirective !== "connect-src" || event.disposition !== "enforce") return false;
    const { href, origin } = this.asked;
    if (event.blockedURI !== href && event.blockedURI !== origin) return false;
    this.block(`this page's Content-Security-Policy forbids connections to ${origin}: connect-src has to name it`);
    return true;
  }
  block(why) {
    if (!this.blocked) console.warn(`live-posts: ${why}`);
    this.blocked = true;
  }
};
function offersIn(list) {
  if (!isObject(list) || !Array.isArray(list.transports)) throw new Error("the answer is no list of transports");
  return list.transports.filter((t) => isObject(t) && typeof t.name === "string" && typeof t.url === "string");
}

// client/detour.ts
var shortest = 5e3;
var longest = 36e5;
var Detour = class {
  constructor() {
    this.transport = "";
    this.until = 0;
  }
  /** Begins, and returns whether it could. In a detour the client is not sent on to a further one. */
  begin(to, known2) {
    const may = !this.transport && known2;
    this.transport = may ? to.transport : "";
    this.until = Date.now() + Math.min(Math.max(to.forMs, shortest), longest) * (1 + Math.random() / 4);
    return may;
  }
  /** Returns the name of the transport to use, which is empty if there is no detour. */
  now() {
    if (Date.now() >= this.until) this.end();
    return this.transport;
  }
  /** How many milliseconds are left. */
  left() {
    return this.until - Date.now();
  }
  end() {
    this.transport = "";
  }
};

// client/memory.ts
var rememberFor = 6e5;
var memory = "motacilla-transport";
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

// client/ladder.ts
var longestBackoff = 3e4;
var settledMs = 1e4;
var hubAgainMs = 3e5;
var patience = 3;
var Ladder = class {
  constructor(o) {
    this.o = o;
    this.standing = "connecting";
    /** The transport in use; the next attempt begins with it. */
    this.current = remembered();
    /** The transport that brought the last update. */
    this.worked = "";
    /** Whether this attempt has used the transport, and when its first update came. */
    this.tried = false;
    this.began = 0;
    this.known = null;
    /** Is used instead of the current transport, and is not remembered. */
    this.detour = new Detour();
    /** A transport that was given up, and when to try it again. */
    this.missed = { name: "", at: 0 };
    /** Failures in a row, for the backoff, and how many of them were the transport's fault. */
    this.failures = 0;
    this.blamed = 0;
    /** The last attempt brought nothing. If the list of transports can be read, that is the transport's fault. */
    this.suspect = false;
  }
  /** Climbs until the signal aborts, use resolves or the server refuses. If there is a cause, it begins with that failure. */
  async climb(signal, cause) {
    let err = cause;
    if (cause === void 0) {
      this.failures = 0;
      this.wait();
    }
    while (!signal.aborted) {
      try {
        if (err !== void 0) {
          const pause = this.failed(err);
          err = void 0;
          if (pause === null) return;
          await sleep(pause, signal);
        }
        if (await this.attempt(signal)) return;
      } catch (failure) {
        err = failure;
      }
    }
  }
  stand(standing) {
    this.standing = standing;
    this.o.changed();
  }
  /** Tells that there is no connection yet, or no more. */
  wait() {
    this.stand(this.worked ? "reconnecting" : "connecting");
  }
  /** Uses one transport until it fails. Returns true if there is nothing more to do. */
  async attempt(signal) {
    const limit = this.o.times().firstUpdateMs ?? 5e3;
    const { life, unlink } = linked(signal);
    const stop = () => life.abort();
    let watchdog = setTimeout(stop, limit);
    let back = 0;
    let done = false;
    this.tried = false;
    this.began = 0;
    try {
      const offer = await this.offer(life.signal);
      const away = this.detour.now() !== "";
      const missing = this.misses && this.missed.name !== offer.name;
      if (away || missing) {
        back = setTimeout(() => {
          done = true;
          if (away) this.detour.end();
          else this.missed.at = 0;
          stop();
        }, away ? this.detour.left() : this.missed.at - Date.now());
      }
      this.tried = true;
      clearTimeout(watchdog);
      watchdog = setTimeout(stop, limit);
      await this.o.use(offer, {
        signal: life.signal,
        away,
        patient: () => clearTimeout(watchdog),
        heard: () => {
          if (this.began || life.signal.aborted) return;
          this.began = Date.now();
          clearTimeout(watchdog);
          this.worked = away ? this.current : offer.name;
          if (this.missed.name === offer.name) this.missed.name = "";
          if (!away) this.o.works(offer.name);
          this.stand("live");
        }
      });
      return true;
    } catch (err) {
      if (!done) throw err;
      return false;
    } finally {
      clearTimeout(watchdog);
      clearTimeout(back);
      unlink();
      stop();
    }
  }
  /** Returns how long to wait before the next attempt, or null if there must be none. */
  failed(err) {
    if (err instanceof Moved) {
      if (this.detour.begin(err, this.knows(err.transport))) return 0;
      err = new Refused(503, err.retryMs, true);
    }
    const { status, retryAfter: later, own } = err instanceof Refused ? err : new Refused(0, 0);
    const denied = denial(err);
    if (denied && own && !this.tried) {
      this.o.refused(denied);
      return null;
    }
    const pause = err instanceof Ended ? err.pause : 0;
    if (this.began && Date.now() - this.began > settledMs) {
      this.failures = this.blamed = 0;
      if (err instanceof Ended) return pause;
    }
    this.failures++;
    this.wait();
    if (this.detour.now()) {
      if (denied) this.known = null;
      if (status !== 429 && !(status === 503 && own)) this.detour.end();
    } else if (this.tried && status !== 429 && status !== 503) {
      if (denied || !(this.began || status)) this.suspect = true;
      else this.blame(status === 0);
      if (!this.worked && this.failures < (this.known?.length ?? 0)) return 0;
    }
    const backoff = Math.min((this.o.times().backoffMs ?? 500) * 2 ** Math.min(this.failures - 1, 10), longestBackoff);
    return Math.max(backoff * (0.5 + Math.random()), pause, later * (1 + Math.random() / 4));
  }
  /** A transport was given up, and will be tried again. */
  get misses() {
    return this.missed.name !== "";
  }
  knows(name) {
    return name !== this.current && name in this.o.transports && (this.known?.some((t) => t.name === name) ?? true);
  }
  /** Counts a failure of the transport in use. After too many, the next transport is used. passing: it may work later. */
  blame(passing) {
    this.suspect = false;
    if (++this.blamed < (this.worked === this.current ? patience : 1) || !this.known) return;
    if (passing && this.o.again(this.current)) {
      this.missed = { name: this.current, at: Date.now() + hubAgainMs * (1 + Math.random() / 4) };
    }
    const next = this.known[(this.known.findIndex((t) => t.name === this.current) + 1) % this.known.length];
    this.current = next?.name ?? "";
    this.blamed = 0;
  }
  async offer(signal) {
    if (!this.known || this.suspect) {
      this.known = await this.o.offers(signal);
      if (this.suspect) this.blame(true);
    }
    if (this.misses && Date.now() >= this.missed.at) {
      this.current = this.missed.name;
      this.missed.name = "";
      this.blamed = 0;
    }
    const away = this.detour.now();
    const named = (name) => this.known?.find((t) => t.name === name);
    const offer = named(away) ?? named(this.current) ?? this.known[0];
    if (!offer) throw new Error("no transport");
    if (offer.name !== away) {
      this.detour.end();
      this.current = offer.name;
    }
    return offer;
  }
};

// client/lane.ts
var Lane = class {
  constructor(channel, at, o) {
    this.channel = channel;
    this.at = at;
    this.o = o;
    /** The common connection is to carry the channel. */
    this.rides = true;
    /** Its cursor has to be sent over the common connection. */
    this.unsent = true;
    /** The common connection follows the channel. */
    this.followed = false;
    /** The common connection has yet to begin at the position. Until then its updates say nothing about the position. */
    this.pending = true;
    this.way = null;
    this.session = null;
    const again = (name) => isHub(o.transports[name]);
    this.ladder = new Ladder({ ...o, again, use: (offer, attempt) => this.use(offer, attempt.signal, attempt.away, attempt.heard) });
  }
  /** The revision that the lane has reached. */
  get position() {
    return this.at;
  }
  /** Returns how the channel stands if the common connection stands so. */
  standing(common) {
    if (this.way) return this.ladder.standing;
    return common === "live" && !this.followed ? "connecting" : common;
  }
  /** The transport that the lane alone uses, or tries. It may be empty. */
  get uses() {
    return this.way ? this.ladder.current : "";
  }
  /** The lane has given up a hub, and will try it again. */
  get missesHub() {
    return this.ladder.misses;
  }
  /** Goes back to an older cursor, because somebody who shows the channel has not got further. */
  ask(cursor) {
    if (cursor >= this.at) return;
    this.at = cursor;
    this.unsent = this.pending = true;
    this.session?.abort();
  }
  /** Begins anew at its position on the common connection. */
  renew() {
    this.unsent = this.pending = true;
  }
  /** Returns the cursor to send over the common connection. */
  send() {
    this.unsent = false;
    return this.at;
  }
  /** The common connection has begun with the lane's cursor. */
  subscribed() {
    this.pending = this.unsent;
    this.followed = true;
    this.ladder.began = Date.now();
    this.o.changed();
  }
  /** The common connection has begun anew, and does not follow the channel yet. */
  unfollowed() {
    this.followed = false;
  }
  /** Takes an update from the common connection. Returns true if it does not fit. */
  carried(update, since) {
    const again = !this.pending && this.move(update, since !== void 0);
    this.o.pass(update, since);
    return again;
  }
  /** The common connection does not carry the channel. */
  refused(err, transport) {
    this.rides = this.followed = false;
    this.ladder.current = transport;
    this.ladder.tried = true;
    this.go(err);
  }
  /** Has a connection of its own from now on, which begins with a transport that may have worked before. */
  alone(transport, worked) {
    if (this.way) return;
    this.ladder.current = transport;
    if (worked) this.ladder.worked = transport;
    this.go();
  }
  /** Gives up its own connection. */
  stop() {
    this.way?.abort();
    this.way = null;
  }
  go(cause) {
    this.stop();
    const way = this.way = new AbortController();
    void this.ladder.climb(way.signal, cause).then(() => {
      if (way !== this.way) return;
      this.way = null;
      this.rides = true;
      this.renew();
      this.o.returned();
    });
  }
  /** Uses a transport for this channel alone. */
  async use(offer, signal, away, heard) {
    const { list, transports, times } = this.o;
    if (!away && this.o.returns(offer)) return;
    const transport = transports[offer.name];
    if (!transport) throw new Error(`unknown transport ${offer.name}`);
    for (; ; ) {
      const { life, unlink } = linked(signal);
      this.session = life;
      let since = this.at;
      try {
        return await transport({
          url: resolve(offer.url, serverOf(list), list),
          signal: life.signal,
          silenceMs: times().silenceMs ?? 45e3,
          server: serverOf(list),
          cursor: () => since = this.at,
          deliver: (update, asked, works = true) => {
            if (life.signal.aborted) return false;
            if (works) heard();
            const again = this.move(update, asked);
            this.o.pass(update, asked ? since : void 0);
            return again;
          }
        });
      } catch (err) {
        if (signal.aborted || !life.signal.aborted) throw err;
      } finally {
        unlink();
      }
    }
  }
  /** Moves the position as an update says, by the rules of View. Returns true if the update does not fit. */
  move(u, asked) {
    if (u.reset) {
      if (!asked && u.revision <= this.at) return u.revision < this.at;
    } else {
      if (u.revision <= this.at) return false;
      if (u.from > this.at) return true;
    }
    this.at = u.revision;
    return false;
  }
};

// client/many.ts
var mostChannels = 100;
var mostCharacters = 6e3;
var togetherMs = 50;
var unwantedMs = 2e3;
var Many = class {
  constructor(o) {
    this.o = o;
    this.lines = /* @__PURE__ */ new Set();
    this.timer = 0;
    this.due = 0;
    this.fail = () => void 0;
  }
  /** Runs until a connection fails or the signal aborts. */
  async run() {
    try {
      return await new Promise((_, reject) => {
        this.fail = reject;
        const { signal } = this.o;
        signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")), { once: true });
        this.sync();
      });
    } finally {
      clearTimeout(this.timer);
      for (const line of this.lines) line.close();
      this.lines.clear();
    }
  }
  /** Must be called when lanes have come or have another cursor, and with unwanted when some have gone. */
  sync(unwanted = false) {
    const due = Date.now() + (unwanted ? unwantedMs : togetherMs);
    if (this.timer && this.due <= due) return;
    clearTimeout(this.timer);
    this.due = due;
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.apply();
    }, due - Date.now());
  }
  apply() {
    if (this.o.signal.aborted || [...this.lines].some((line) => line.busy)) return;
    const fresh = new Map([...this.o.lanes].filter(([, lane]) => lane.rides));
    const changes = /* @__PURE__ */ new Map();
    for (const line of this.lines) {
      const gone = [...line.lanes.keys()].filter((channel) => !fresh.has(channel));
      for (const channel of gone) line.lanes.delete(channel);
      for (const channel of line.lanes.keys()) {
        line.lanes.set(channel, fresh.get(channel));
        fresh.delete(channel);
      }
      changes.set(line, gone);
    }
    for (const [channel, lane] of fresh) {
      let line = [...this.lines].find((l) => l.hasRoom(channel));
      if (!line) this.lines.add(line = new Line(this.o, (err) => this.fail(err), () => this.sync()));
      line.lanes.set(channel, lane);
    }
    for (const line of this.lines) {
      if (line.lanes.size > 0) {
        line.change(changes.get(line) ?? []);
      } else {
        line.close();
        this.lines.delete(line);
      }
    }
  }
};
var Line = class {
  constructor(o, fail, sync) {
    this.o = o;
    this.fail = fail;
    this.sync = sync;
    this.lanes = /* @__PURE__ */ new Map();
    this.stream = null;
    this.next = null;
  }
  get busy() {
    return this.next !== null;
  }
  hasRoom(channel) {
    const characters = [...this.lanes.keys(), channel].reduce((sum, c) => sum + encodeURIComponent(c).length + 22, 0);
    return this.lanes.size < mostChannels && characters <= mostCharacters;
  }
  close() {
    this.stream?.life.abort();
    this.next?.life.abort();
  }
  /** Has the connection follow its lanes, and the channels that are gone no longer. */
  change(gone) {
    const unsent = [...this.lanes.values()].filter((lane) => lane.unsent);
    const { stream } = this;
    if (unsent.length === 0 && gone.length === 0) return;
    if (!stream?.source?.send) return this.open();
    for (const { channel } of unsent) stream.answers.delete(channel);
    const subscribe = Object.fromEntries(unsent.map((lane) => [lane.channel, this.send(stream, lane) || null]));
    stream.source.send(JSON.stringify({ subscribe, unsubscribe: gone }));
  }
  send(stream, lane) {
    const cursor = lane.send();
    stream.sent.set(lane.channel, cursor);
    return cursor;
  }
  open() {
    const before = new Set(this.stream?.sent.keys());
    const stream = { life: new AbortController(), sent: /* @__PURE__ */ new Map(), answers: /* @__PURE__ */ new Map(), before, source: null };
    const url = new URL(this.o.url);
    for (const [channel, lane] of this.lanes) {
      const cursor = this.send(stream, lane);
      url.searchParams.append("c", cursor ? `${channel},${cursor}` : channel);
    }
    if (this.stream) this.next = stream;
    else this.stream = stream;
    const s = { signal: stream.life.signal, silenceMs: this.o.silenceMs };
    stream.source = listen(url, this.o.open, s, (message) => this.take(stream, message), (err) => this.over(stream, err));
  }
  take(stream, message) {
    this.o.heard();
    if (isUpdate(message)) {
      const lane = this.lanes.get(message.channel);
      const since = stream.answers.get(message.channel);
      stream.answers.delete(message.channel);
      if (lane?.carried(message, since)) this.renew(lane);
      return null;
    }
    if (!isObject(message)) return new Error("the message is neither an update nor a notice");
    if (Array.isArray(message.subscribed)) this.subscribed(stream, message.subscribed);
    if (isObject(message.refused)) this.refused(stream, message.refused);
    return isObject(message.error) ? new Error(`the server did not understand: ${String(message.error.detail)}`) : null;
  }
  subscribed(stream, channels) {
    for (const channel of channels) {
      const since = stream.sent.get(channel);
      if (since !== void 0) stream.answers.set(channel, since);
      this.lanes.get(channel)?.subscribed();
    }
    if (stream !== this.next) return;
    this.stream?.life.abort();
    this.stream = stream;
    this.next = null;
    this.sync();
  }
  refused(stream, said) {
    const lane = this.lanes.get(String(said.channel));
    if (!lane) return;
    const err = refusedChannel(said);
    if (stream.before.has(lane.channel) && !denial(err)) return this.fail(overlapped());
    this.lanes.delete(lane.channel);
    this.o.refused(lane, err);
  }
  /** Asks again for a channel of which something is missing, after a pause. */
  renew(lane) {
    lane.renew();
    lane.unsent = false;
    sleep(500 + Math.random() * 1e3, this.o.signal).then(() => {
      lane.renew();
      this.sync();
    }, () => void 0);
  }
  over(stream, err) {
    if (stream.life.signal.aborted) return;
    const replaced = stream === this.next && this.stream;
    if (stream === this.stream && this.next) this.stream = null;
    else if (this.lanes.size > 0) this.fail(replaced ? overlapped() : err);
    else this.stream = null;
  }
};
function overlapped() {
  return new Ended(500 + Math.random() * 1e3);
}

// client/leader.ts
var mostAtHub = 4;
var Leader = class {
  constructor(o) {
    this.o = o;
    this.lanes = /* @__PURE__ */ new Map();
    this.pages = /* @__PURE__ */ new Map();
    this.many = null;
    /** Lanes have connections of their own, which began with this transport. */
    this.alone = "";
    this.away = false;
    this.giveUp = () => void 0;
    this.ladder = new Ladder({
      transports: o.transports,
      times: o.times,
      offers: (signal) => this.offers(signal),
      use: (offer, attempt) => this.use(offer, attempt),
      changed: o.changed,
      refused: () => void 0,
      // offers tells it the lane
      again: () => false,
      // lanes try hubs
      works: remember
    });
  }
  /** The transport that works. */
  get transport() {
    return this.ladder.worked;
  }
  /** Begins with a transport that works for another page. */
  adopt(transport) {
    if (Object.keys(this.o.transports).includes(transport)) this.ladder.worked = this.ladder.current = transport;
  }
  keep(transport) {
    this.adopt(transport);
    remember(transport);
  }
  /** How all stand, while this page does not know more. */
  get standing() {
    return this.ladder.standing;
  }
  /** Leads until the signal aborts, and begins with what this page wants. */
  lead(own, signal) {
    signal.addEventListener("abort", () => this.clear(), { once: true });
    this.want("", own);
    void this.ladder.climb(signal);
  }
  /** Takes what a page wants. */
  want(page, wants) {
    this.pages.set(page, wants);
    for (const [channel, cursor] of wants) {
      if (cursor === null) continue;
      const lane = this.lanes.get(channel);
      if (lane) lane.ask(cursor);
      else this.add(channel, cursor);
    }
    this.many?.sync();
    this.sweep();
  }
  /** Forgets a page that has gone. */
  forget(page) {
    this.pages.delete(page);
    this.sweep();
  }
  add(channel, cursor) {
    const { o } = this;
    const list = o.listOf(channel);
    const lane = new Lane(channel, cursor, {
      list,
      transports: o.transports,
      times: o.times,
      offers: (signal) => o.lists.read(list, signal),
      pass: (update, since) => o.pass(channel, update, since),
      changed: o.changed,
      refused: (status) => this.refuse(lane, status),
      returns: (offer) => this.returns(lane, offer),
      returned: () => this.alone ? this.goesAlone(lane) : this.many?.sync(),
      works: (transport) => {
        if (!this.away && !this.many) this.keep(transport);
      }
    });
    this.lanes.set(channel, lane);
    if (this.alone) this.goesAlone(lane);
  }
  /** Drops the lanes that no page wants. */
  sweep() {
    for (const [channel, lane] of this.lanes) {
      if ([...this.pages.values()].some((wants) => wants.has(channel))) continue;
      lane.stop();
      this.lanes.delete(channel);
      this.many?.sync(true);
    }
  }
  refuse(lane, status) {
    lane.stop();
    this.lanes.delete(lane.channel);
    this.o.refused(lane.channel, status);
  }
  /** Asks for the transports of a channel, and refuses those of which the server itself says that there are none. */
  async offers(signal) {
    for (const lane of this.lanes.values()) {
      try {
        return this.fitting(await this.o.lists.read(this.o.listOf(lane.channel), signal));
      } catch (err) {
        const status = denial(err, true);
        if (!status) throw err;
        this.refuse(lane, status);
      }
    }
    throw new Error("there is no channel to follow");
  }
  isHub(name) {
    return isHub(this.o.transports[name]);
  }
  /** Leaves out the hubs for many channels, if there is a common connection: a hub has one for each, and browsers have few. */
  fitting(offers) {
    if (this.lanes.size <= mostAtHub || !offers.some((offer) => offer.many)) return offers;
    return offers.filter(({ name }) => !this.isHub(name));
  }
  async use(offer, attempt) {
    const open = opener(this.o.transports[offer.name]);
    if (!offer.many || !open) return this.goAlone(offer, attempt);
    const [lane] = this.lanes.values();
    if (!lane) throw new Error("there is no channel to follow");
    const list = this.o.listOf(lane.channel);
    if (this.standing !== "live") for (const l of this.lanes.values()) l.unfollowed();
    for (const l of this.lanes.values()) l.renew();
    const many = this.many = new Many({
      url: resolve(offer.many, serverOf(list), list),
      open,
      silenceMs: this.o.times().silenceMs ?? 45e3,
      signal: attempt.signal,
      lanes: this.lanes,
      heard: () => {
        attempt.heard();
        this.together();
      },
      refused: (refused2, err) => {
        refused2.refused(err, offer.name);
        many.sync(true);
      }
    });
    try {
      await many.run();
    } finally {
      if (this.many === many) this.many = null;
    }
  }
  /** Lets each lane have a connection of its own, until the common one works again. */
  goAlone({ name }, { signal, away, patient }) {
    patient();
    this.alone = name;
    this.away = away;
    const found = [...this.lanes.values()].find((lane) => lane.standing("connecting") === "live");
    if (found && !away) this.keep(found.uses);
    for (const lane of this.lanes.values()) this.goesAlone(lane);
    return new Promise((_, reject) => {
      this.giveUp = reject;
      signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")), { once: true });
    });
  }
  goesAlone(lane) {
    lane.alone(this.alone, this.ladder.worked === this.alone);
  }
  /** Ends the connections of lanes that ride on the common one again. */
  together() {
    if (!this.alone) return;
    this.alone = "";
    for (const lane of this.lanes.values()) if (lane.rides) lane.stop();
  }
  returns(lane, offer) {
    if (!this.alone || !lane.rides) return true;
    if (!offer.many || !opener(this.o.transports[offer.name])) return false;
    const atHub = this.isHub(this.alone);
    if (atHub && [...this.lanes.values()].some((other) => other !== lane && other.uses === this.alone)) return false;
    this.giveUp(atHub && lane.missesHub ? new Moved(offer.name, hubAgainMs, 0) : new Error("no other transport works"));
    throw new Error(`${offer.name} is for the common connection`);
  }
  clear() {
    for (const lane of this.lanes.values()) lane.stop();
    this.lanes.clear();
    this.pages.clear();
    this.alone = "";
  }
};

// client/members.ts
var Members = class {
  constructor() {
    this.all = /* @__PURE__ */ new Set();
    /** The channels whose cursors the leader must be told. */
    this.asking = /* @__PURE__ */ new Set();
  }
  add(member) {
    this.all.add(member);
    this.asking.add(member.channel);
  }
  remove(member) {
    this.all.delete(member);
  }
  get first() {
    return [...this.all][0];
  }
  of(channel) {
    return [...this.all].filter((m) => m.channel === channel);
  }
  /** Has the leader be told the cursors of a channel. */
  ask(channel) {
    this.asking.add(channel);
  }
  /** Returns the channels that are shown, with the oldest cursor of each or, if it need not be told, null. */
  wants(all) {
    const wants = /* @__PURE__ */ new Map();
    for (const { channel, cursor } of this.all) {
      const before = wants.get(channel) ?? Infinity;
      wants.set(channel, all || this.asking.has(channel) ? Math.min(before, cursor()) : null);
    }
    this.asking.clear();
    return wants;
  }
  /** Tells each how its channel stands. */
  tell(standing) {
    for (const member of [...this.all]) if (this.all.has(member)) member.tell(standing(member));
  }
  end(channel, status) {
    for (const member of this.of(channel)) member.end(status);
  }
  /** Hands an update to all that show the channel. Returns true if one of them lacks something before it. */
  hand(channel, update, since) {
    const lacking = this.of(channel).filter((member) => {
      const cursor = member.cursor();
      const asked = since === cursor || since !== void 0 && since > update.revision && cursor > update.revision;
      const unfit = update.reset && since !== void 0 && !asked && cursor > 0 && cursor < update.revision;
      return unfit || member.deliver(update, asked);
    });
    return lacking.length > 0;
  }
};

// client/tabs.ts
var beatMs = 1e4;
var silentMs = 25e3;
var answerMs = 5e3;
var Tabs = class {
  constructor(o) {
    this.o = o;
    this.leads = false;
    this.page = Math.random().toString(36).slice(2);
    this.channel = null;
    this.pages = /* @__PURE__ */ new Set();
    this.role = new AbortController();
    this.timer = 0;
    /** This page holds its own lock, so it may ask. */
    this.known = false;
    o.signal.addEventListener("abort", () => this.close(), { once: true });
    if (canShare()) {
      this.channel = new BroadcastChannel(o.name);
      this.channel.onmessage = (event) => this.hear(event.data);
    }
  }
  /** Begins. Each page leads itself if connections can't be shared. */
  start() {
    if (!this.channel) return this.take(true);
    this.claim(false);
    const introduce = () => {
      this.known = true;
      if (!this.leads) this.o.follow();
    };
    this.hold(`${this.o.name} ${this.page}`, { signal: this.o.signal }, introduce).catch(() => void 0);
    this.wait(answerMs);
  }
  /** Tells the other pages something, if this page leads. */
  tell(message) {
    if (this.leads) this.post(message);
  }
  /** Asks the leading page for something, if this page follows. */
  ask(message) {
    if (this.known && !this.leads) this.post({ ...message, page: this.page });
  }
  post(message) {
    if (!this.o.signal.aborted) this.channel?.postMessage(message);
  }
  hear(message) {
    if (!isObject(message)) return;
    const { page } = message;
    if (page === void 0 && !this.leads) {
      this.wait(silentMs);
      if (message.call === true) this.o.follow();
      this.o.told(message);
    } else if (typeof page === "string" && this.leads) {
      this.watch(page);
      this.o.asked(page, message);
    }
  }
  /** Learns when a page is gone. */
  watch(page) {
    if (this.pages.has(page)) return;
    this.pages.add(page);
    const { signal } = this.role;
    const gone = () => {
      this.pages.delete(page);
      if (!signal.aborted) this.o.gone(page);
    };
    navigator.locks.request(`${this.o.name} ${page}`, { signal }, gone).catch(() => void 0);
  }
  /** Queues for the lead, or takes it from a page that hangs. */
  claim(steal) {
    const { name, signal } = this.o;
    this.hold(name, steal ? { steal } : { signal }, () => this.take(true)).catch((err) => {
      if (signal.aborted) return;
      const stolen = err instanceof DOMException && err.name === "AbortError";
      this.take(!stolen);
      if (stolen && !steal) this.claim(false);
    });
  }
  /** Holds a lock until sharing ends. */
  hold(name, options, held) {
    const { signal } = this.o;
    return navigator.locks.request(
      name,
      options,
      () => new Promise((release) => {
        if (signal.aborted) return release();
        signal.addEventListener("abort", () => release(), { once: true });
        held();
      })
    );
  }
  take(leads) {
    this.role.abort();
    this.role = new AbortController();
    this.pages.clear();
    this.leads = leads;
    this.stopTimer();
    if (!leads) {
      this.wait(silentMs);
      return this.o.follow();
    }
    this.o.lead(this.role.signal);
    this.post({ call: true });
    this.timer = setInterval(() => this.o.beat(), beatMs);
  }
  /** Takes the lead if the leader says nothing for so long. */
  wait(ms) {
    this.stopTimer();
    this.timer = setTimeout(() => this.claim(true), ms * (1 + Math.random() / 4));
  }
  stopTimer() {
    clearTimeout(this.timer);
  }
  close() {
    this.stopTimer();
    this.channel?.close();
    this.role.abort();
  }
};

// client/group.ts
var againMs = 500;
var groups = /* @__PURE__ */ new Set();
function groupNamed(name, transports) {
  const all = Object.entries(transports);
  return [...groups].find(
    (g) => g.name === name && all.length === Object.keys(g.transports).length && all.every(([key2, t]) => g.transports[key2] === t)
  );
}
function nameOf(list, channel, shareAs = "") {
  const of = /\/channels\/([^/]+)\/transports$/.exec(list.pathname)?.[1];
  const usual2 = (of === channel || of === encodeURIComponent(channel)) && !list.search;
  return `motacilla 2 ${usual2 ? serverOf(list) : list}${shareAs && ` ${shareAs}`}`;
}
var Group = class {
  constructor(name, transports) {
    this.name = name;
    this.transports = transports;
    this.members = new Members();
    this.tabs = null;
    this.life = new AbortController();
    this.later = 0;
    this.settling = false;
    this.telling = false;
    this.lists = new Lists(transports);
    this.leader = new Leader({
      lists: this.lists,
      transports,
      times: () => this.members.first?.times ?? {},
      listOf: (channel) => this.listOf(channel),
      pass: (channel, update, since) => {
        const heartbeat = update.from === update.revision && !update.reset;
        if (!heartbeat) this.tabs?.tell({ channel, update, since });
        this.hand(channel, update, since);
      },
      changed: () => this.told(),
      refused: (channel, status) => {
        this.tabs?.tell({ refused: channel });
        this.members.end(channel, status);
      }
    });
  }
  join(member) {
    groups.add(this);
    this.members.add(member);
    this.settle();
  }
  leave(member) {
    this.members.remove(member);
    this.settle();
  }
  listOf(channel) {
    const own = this.members.of(channel)[0] ?? this.members.first;
    if (!own) throw new Error("the group has no members");
    return own.channel === channel ? own.list : listOf(serverOf(own.list), channel);
  }
  /** Tells the leader what this page wants, once for all that changes together. */
  settle() {
    if (this.settling) return;
    this.settling = true;
    queueMicrotask(() => {
      this.settling = false;
      if (!this.members.first) this.close();
      else if (this.tabs) this.want();
      else this.open();
    });
  }
  open() {
    const { signal } = this.life = new AbortController();
    watchPolicy(signal, (event) => this.lists.violated(event) && this.told());
    this.tabs = new Tabs({
      name: this.name,
      signal,
      lead: (role) => this.leader.lead(this.members.wants(true), role),
      follow: () => this.want(true),
      beat: () => this.beat(),
      told: (message) => this.hear(message),
      asked: (page, message) => {
        if (isObject(message.wants)) this.leader.want(page, wantsIn(message.wants));
        this.beat();
      },
      gone: (page) => this.leader.forget(page)
    });
    this.tabs.start();
  }
  close() {
    groups.delete(this);
    this.life.abort();
    this.tabs = null;
    clearTimeout(this.later);
    this.later = 0;
  }
  want(all = false) {
    const wants = this.members.wants(all);
    if (this.tabs?.leads) {
      this.leader.want("", wants);
      this.told();
    } else this.tabs?.ask({ wants: Object.fromEntries(wants) });
  }
  /** Asks for what is missing of a channel, after a pause. */
  lacks(channel) {
    this.members.ask(channel);
    this.later || (this.later = setTimeout(() => {
      this.later = 0;
      this.want();
    }, againMs * (1 + 2 * Math.random())));
  }
  hand(channel, update, since) {
    if (this.members.hand(channel, update, since)) this.lacks(channel);
  }
  /** Tells the members and the other pages how the channels stand, while this page leads. */
  told() {
    if (this.telling) return;
    this.telling = true;
    queueMicrotask(() => {
      this.telling = false;
      if (!this.tabs?.leads) return;
      this.members.tell(({ channel }) => this.standing(channel));
      this.beat();
    });
  }
  standing(channel) {
    const { standing, lanes } = this.leader;
    const status = lanes.get(channel)?.standing(standing) ?? "connecting";
    return status === "connecting" && this.lists.blocked ? "blocked" : status;
  }
  beat() {
    const { transport, lanes } = this.leader;
    const list = [...lanes].map(([channel, { position }]) => [channel, this.standing(channel), position]);
    this.tabs?.tell({ transport, lanes: list });
  }
  /** Takes what the leading page says. */
  hear({ channel, update, since, transport, lanes, refused: refused2 }) {
    if (typeof channel === "string" && isUpdate(update)) {
      this.hand(channel, update, typeof since === "number" ? since : void 0);
    }
    if (typeof transport === "string") this.leader.adopt(transport);
    if (Array.isArray(lanes)) this.hearLanes(lanes);
    if (typeof refused2 === "string") void this.check(refused2);
  }
  hearLanes(list) {
    const lanes = new Map(list.filter(isLane).map(([channel, ...rest2]) => [channel, rest2]));
    this.members.tell(({ channel, cursor }) => {
      const [status, position] = lanes.get(channel) ?? ["connecting", Infinity];
      if (cursor() < position) this.lacks(channel);
      return status;
    });
  }
  /** Asks the server itself whether it refuses a channel, as another page says. */
  async check(channel) {
    if (!this.members.of(channel).length) return;
    try {
      await this.lists.read(this.listOf(channel), this.life.signal);
    } catch (err) {
      const status = denial(err, true);
      if (status) return this.members.end(channel, status);
    }
    if (!this.life.signal.aborted) this.lacks(channel);
  }
};
var statuses = ["connecting", "live", "reconnecting", "blocked"];
function isLane(value) {
  return Array.isArray(value) && typeof value[0] === "string" && statuses.includes(value[1]) && Number.isSafeInteger(value[2]);
}
function wantsIn(said) {
  const valid = (cursor) => cursor === null || Number.isSafeInteger(cursor) && cursor >= 0;
  return new Map(Object.entries(said).filter(([channel, cursor]) => channel && valid(cursor)));
}

// client/connection.ts
var Connection = class {
  constructor(o) {
    this.o = o;
    this.events = new AbortController();
    this.group = null;
    this.joined = false;
    this.stopped = false;
    this.hasBeenLive = false;
    this.name = nameOf(o.transportsURL, o.channel, o.shareAs);
    this.member = {
      channel: o.channel,
      list: o.transportsURL,
      times: o,
      cursor: o.cursor,
      deliver: (update, asked) => this.joined && o.deliver(update, asked),
      tell: (status) => this.tell(status),
      end: (status) => this.stop(status)
    };
  }
  start() {
    watch({ signal: this.events.signal, changed: () => this.check(), left: () => this.pause("paused") });
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
    else if (!this.joined) this.join();
  }
  join() {
    const { transports } = this.o;
    this.joined = true;
    this.group = groupNamed(this.name, transports) ?? this.group ?? new Group(this.name, transports);
    this.tell("connecting");
    this.group.join(this.member);
  }
  pause(status) {
    if (this.joined) this.group?.leave(this.member);
    this.joined = false;
    this.o.onStatus(status);
  }
  tell(status) {
    this.hasBeenLive || (this.hasBeenLive = status === "live");
    this.o.onStatus(status === "connecting" && this.hasBeenLive ? "reconnecting" : status);
  }
};

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
  isUpdate,
  isObject,
  Refused,
  moved,
  refused,
  sleep,
  retryAfter,
  listOf,
  serverOf,
  resolve,
  lead,
  notices,
  streaming,
  orderlyEnd,
  offersIn,
  Connection,
  view,
  rootOf,
  topOfList,
  hold,
  read,
  List,
  olderURL,
  loadOlder,
  hubsBy,
  known,
  View
};
