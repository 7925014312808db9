import {
  Connection,
  Refused,
  View,
  hubsBy,
  isObject,
  isUpdate,
  known,
  listOf,
  loadOlder,
  moved,
  notices,
  offersIn,
  orderlyEnd,
  refused,
  resolve,
  retryAfter,
  serverOf,
  streaming
} from "./shared.js";

// client/transports/sse-fetch.ts
var sseByFetch = streaming((url, { message, end }) => {
  const life = new AbortController();
  let heard = false;
  const take = (data, type) => {
    if (type === "transport") return end(moved(data));
    if (type && !notices.includes(type)) return;
    heard = true;
    message(data);
  };
  const over = (err) => end(heard ? orderlyEnd() : err ?? new Error("no stream"));
  read(url, life.signal, take).then(over, over);
  return { close: () => life.abort() };
});
var listenByFetch = (url, { open, data, end }) => {
  const life = new AbortController();
  const over = () => end();
  read(url, life.signal, (text, type) => type || data(text), open).then(over, over);
  return () => life.abort();
};
async function read(url, signal, take, open) {
  const answer = await fetch(url, { cache: "no-store", headers: { Accept: "text/event-stream" }, signal });
  if (!answer.ok) throw await refused(answer);
  if (!answer.body) throw new Error("no stream");
  open?.();
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  const feed = events((data, type) => {
    if (!signal.aborted) take(data, type);
  });
  for (; ; ) {
    const { done, value } = await reader.read();
    if (done) return;
    feed(decoder.decode(value, { stream: true }));
  }
}
function events(data) {
  let rest = "";
  let type = "";
  let event = [];
  return (piece) => {
    const lines = (rest + piece).split(/\r\n|\n|\r(?=[^])/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (/^data(:|$)/.test(line)) event.push(line.replace(/^data:? ?/, ""));
      if (/^event(:|$)/.test(line)) type = line.replace(/^event:? ?/, "");
      if (line) continue;
      if (event.length > 0) data(event.join("\n"), type === "message" ? "" : type);
      event = [];
      type = "";
    }
  };
}

// client/transports/here.ts
var needSocket = ["websocket", "pusher"];
var here = Object.fromEntries(
  Object.entries({ ...known, ...typeof EventSource === "function" ? {} : { sse: sseByFetch, ...hubsBy(listenByFetch) } }).filter(([name]) => typeof WebSocket === "function" || !needSocket.includes(name))
);

// client/follow.ts
function follow(o) {
  const follower = new Following(o);
  follower.start();
  return follower;
}
function listFor({ src, channel }) {
  if (!channel) throw new TypeError("channel must be the ID of a channel, not empty");
  let server;
  try {
    server = new URL(src, typeof document === "undefined" ? void 0 : document.baseURI);
  } catch {
    throw new TypeError(`src must be the URL of a server, such as https://live.example.org, not ${JSON.stringify(src)}`);
  }
  return listOf(server, channel);
}
function usable({ transports, only }) {
  const all = { ...here, ...transports };
  if (!only) return all;
  for (const name of only) {
    if (!(name in all)) throw new TypeError(`only must name transports, not ${name}; there are ${Object.keys(all).join(", ")}`);
  }
  return Object.fromEntries(Object.entries(all).filter(([name]) => only.includes(name)));
}
var Following = class {
  constructor(o) {
    this.o = o;
    this.view = new View();
    this.status = "paused";
    this.connection = null;
    this.life = new AbortController();
    this.loading = null;
    this.list = listFor(o);
    this.transports = usable(o);
    if (!o.snapshot) return;
    if (!isUpdate(o.snapshot) || !o.snapshot.reset) throw new TypeError("snapshot must be an update with reset");
    this.view.apply(o.snapshot, true);
  }
  start() {
    if (this.connection) return;
    this.life = new AbortController();
    const { o, view } = this;
    const connection = new Connection({
      channel: o.channel,
      transportsURL: this.list,
      transports: this.transports,
      shareAs: o.only ? [...o.only].sort().join(" ") : "",
      cursor: () => view.revision,
      deliver: (update, asked) => {
        if (!isUpdate(update)) return true;
        const before = view.revision;
        const again = view.apply(update, asked);
        const changed = view.revision !== before || update.reset;
        if (changed) call(() => o.onUpdate?.(view));
        if (view.gone) connection.stop("gone");
        return again;
      },
      onStatus: (status) => this.tell(status),
      firstUpdateMs: o.firstUpdateMs,
      backoffMs: o.backoffMs,
      silenceMs: o.silenceMs
    });
    this.connection = connection;
    connection.start();
  }
  stop() {
    this.life.abort();
    this.connection?.stop("paused");
    this.connection = null;
  }
  loadOlder() {
    if (typeof DOMParser === "undefined") {
      return Promise.reject(new Error("older posts can be loaded only in pages: they are read from the server's page by DOMParser"));
    }
    const { view, list, o } = this;
    this.loading ?? (this.loading = loadOlder(view, new URL(list.href.replace(/\/transports$/, "")), this.life.signal).then(() => call(() => o.onUpdate?.(view))).finally(() => this.loading = null));
    return this.loading;
  }
  tell(status) {
    if (status === this.status) return;
    this.status = status;
    call(() => this.o.onStatus?.(status));
  }
};
function call(back) {
  try {
    back();
  } catch (err) {
    queueMicrotask(() => {
      throw err;
    });
  }
}

// client/snapshot.ts
var preferred = ["interval-polling", "long-polling", "sse", "websocket"];
async function snapshot(o) {
  const list = listFor(o);
  const transports = usable(o);
  const { signal } = o;
  const answer = await fetch(list, { cache: "no-cache", credentials: "same-origin", signal });
  if (!answer.ok) throw await refused(answer);
  const offers = offersIn(await answer.json()).filter(({ name }) => name in transports).sort((a, b) => rank(a.name) - rank(b.name));
  let failure = new Error("the server offers no transport that this client knows");
  for (const { name, url } of offers) {
    try {
      return await first(transports[name], resolve(url, serverOf(list), list), signal);
    } catch (err) {
      if (signal?.aborted) throw err;
      failure = err;
    }
  }
  throw failure;
}
function rank(name) {
  const place = preferred.indexOf(name);
  return place < 0 ? preferred.length : place;
}
async function first(transport, url, signal) {
  const inner = new AbortController();
  const stop = () => inner.abort();
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  let update;
  const deliver = (u) => {
    update ?? (update = u);
    stop();
    return false;
  };
  try {
    await transport({ url, signal: inner.signal, silenceMs: 45e3, cursor: () => 0, deliver });
  } catch (err) {
    if (!update) throw signal?.aborted ? signal.reason : err;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
  if (!update?.reset) throw new Error("the first update is no reset");
  return update;
}
function snapshotHTML(update) {
  if (!isUpdate(update) || !update.reset) throw new TypeError("snapshotHTML takes an update with reset");
  const view = new View();
  view.apply(update, true);
  const posts = view.posts().filter((post) => post.show).reverse();
  const data = attributes({
    channel: update.channel,
    revision: view.revision,
    complete: view.complete,
    title: view.title || void 0,
    ended: view.ended ?? void 0
  });
  const wrappers = posts.map(({ content, created, modified, revision, pinned }) => {
    const own = attributes({ created, modified, revision, pinned });
    return `<div class="live-post-wrapper" role="article" tabindex="-1"${own}>${content}</div>
`;
  });
  return `<div${data}>
${wrappers.join("")}</div>`;
}
function attributes(data) {
  return Object.entries(data).filter(([, value]) => value !== void 0).map(([name, value]) => ` data-${name}="${escape(String(value))}"`).join("");
}
var entities = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
function escape(text) {
  return text.replace(/[&<>"']/g, (c) => entities[c] ?? c);
}

// client/upload.ts
async function uploadImage(server, file, o = {}) {
  const url = mediaOf(server);
  if (o.alt) url.searchParams.set("alt", o.alt);
  const headers = {
    Accept: "application/json, application/problem+json",
    "Content-Type": /^image\//.test(file.type) ? file.type : "image/x-unknown",
    "Idempotency-Key": o.key ?? newKey()
  };
  if (o.as) headers["Motacilla-As"] = encodeURIComponent(o.as);
  if (o.token) headers.Authorization = `Bearer ${o.token}`;
  o.signal?.throwIfAborted();
  const send = typeof XMLHttpRequest === "function" ? byRequest : byFetch;
  const answer = await send(url, headers, file, o);
  const value = parsed(answer.text);
  if (answer.status !== 200 && answer.status !== 201) {
    const kind = answer.header("Content-Type") ?? "";
    const own = /^application\/problem\+json\s*(;|$)/i.test(kind) && isObject(value) && value.status === answer.status;
    const detail = own && typeof value.detail === "string" ? value.detail : "";
    throw new Refused(answer.status, retryAfter(answer.header("Retry-After")), own, detail);
  }
  if (!isImage(value)) throw new Refused(answer.status, 0);
  return value;
}
function mediaOf(server) {
  let base;
  try {
    base = new URL(server, typeof document === "undefined" ? void 0 : document.baseURI);
  } catch {
    throw new TypeError(`server must be a URL, such as https://live.example.org, not ${JSON.stringify(server)}`);
  }
  base.search = base.hash = "";
  base.pathname = base.pathname.replace(/\/*$/, "/");
  return new URL("api/media", base);
}
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
function isImage(value) {
  return isObject(value) && typeof value.id === "string" && isObject(value.block);
}
function byRequest(url, headers, file, o) {
  return new Promise((resolve2, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    request.open("POST", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (e) => o.onProgress?.(e.loaded, file.size);
    request.onload = () => resolve2({ status: request.status, header: (name) => request.getResponseHeader(name), text: request.responseText });
    request.onerror = () => reject(new TypeError("the server can't be reached, or the upload was cut off"));
    request.onabort = () => reject(o.signal?.reason ?? new DOMException("aborted", "AbortError"));
    request.onloadend = () => o.signal?.removeEventListener("abort", stop);
    o.signal?.addEventListener("abort", stop, { once: true });
    request.send(file);
  });
}
async function byFetch(url, headers, file, o) {
  const answer = await fetch(url, { method: "POST", headers, body: file, credentials: "same-origin", signal: o.signal });
  const text = await answer.text();
  if (answer.ok) o.onProgress?.(file.size, file.size);
  return { status: answer.status, header: (name) => answer.headers.get(name), text };
}
export {
  Refused,
  View,
  follow,
  isUpdate,
  here as known,
  snapshot,
  snapshotHTML,
  uploadImage
};
