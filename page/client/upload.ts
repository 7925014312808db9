import { Refused, retryAfter } from "./transports/transport";
import { isObject } from "./update";

export interface UploadOptions {
  /** The server's token. A page of the server's own origin may do without, if the app authorises it by a cookie. */
  token?: string;
  /** The account that the upload is meant for, as GET /api/access/me names it. If another one is signed in, the server refuses it with 401. */
  as?: string;
  /** The alternative text, for readers who can't see the image. */
  alt?: string;
  /** An ID of the upload. If the server has an image of this key, it keeps no other one: so an upload can be repeated. */
  key?: string;
  /** Ends the upload. */
  signal?: AbortSignal;
  /** Is called with the bytes that were sent, and the bytes of the file. */
  onProgress?(sent: number, total: number): void;
}

/** A block of a post's content that shows an image. */
export interface ImageBlock {
  type: "image";
  value: {
    url: string;
    alt: string;
    width: number;
    height: number;
    media: string;
    srcset?: string;
    color?: string;
  };
}

/** An image that the server keeps. url is a path on the server. */
export interface UploadedImage {
  id: string;
  url: string;
  srcset: string;
  width: number;
  height: number;
  color: string;
  alt: string;
  /** What to do if there is no alternative text. */
  hint?: string;
  /** Shows the image in a post's content. */
  block: ImageBlock;
}

interface Answer {
  status: number;
  header(name: string): string | null;
  text: string;
}

/** Keeps an image on a server. Rejects with Refused, whose detail says why, if the server does not take it. */
export async function uploadImage(server: string | URL, file: Blob, o: UploadOptions = {}): Promise<UploadedImage> {
  const url = mediaOf(server);
  if (o.alt) url.searchParams.set("alt", o.alt);
  const headers: Record<string, string> = {
    Accept: "application/json, application/problem+json",
    "Content-Type": /^image\//.test(file.type) ? file.type : "image/x-unknown",
    "Idempotency-Key": o.key ?? newKey(),
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

function mediaOf(server: string | URL): URL {
  let base: URL;
  try {
    base = new URL(server, typeof document === "undefined" ? undefined : document.baseURI);
  } catch {
    throw new TypeError(`server must be a URL, such as https://live.example.org, not ${JSON.stringify(server)}`);
  }
  base.search = base.hash = "";
  base.pathname = base.pathname.replace(/\/*$/, "/");
  return new URL("api/media", base);
}

function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isImage(value: unknown): value is UploadedImage {
  return isObject(value) && typeof value.id === "string" && isObject(value.block);
}

/** Sends by XMLHttpRequest, which tells how far it is. */
function byRequest(url: URL, headers: Record<string, string>, file: Blob, o: UploadOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = (): void => request.abort();
    request.open("POST", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (e) => o.onProgress?.(e.loaded, file.size);
    request.onload = () =>
      resolve({ status: request.status, header: (name) => request.getResponseHeader(name), text: request.responseText });
    request.onerror = () => reject(new TypeError("the server can't be reached, or the upload was cut off"));
    request.onabort = () => reject(o.signal?.reason ?? new DOMException("aborted", "AbortError"));
    request.onloadend = () => o.signal?.removeEventListener("abort", stop);
    o.signal?.addEventListener("abort", stop, { once: true });
    request.send(file);
  });
}

/** Sends where there is no XMLHttpRequest, such as in Node.js. onProgress is called at the end only. */
async function byFetch(url: URL, headers: Record<string, string>, file: Blob, o: UploadOptions): Promise<Answer> {
  const answer = await fetch(url, { method: "POST", headers, body: file, credentials: "same-origin", signal: o.signal });
  const text = await answer.text();
  if (answer.ok) o.onProgress?.(file.size, file.size);
  return { status: answer.status, header: (name) => answer.headers.get(name), text };
}
