import { isUpdate } from "../update";
import { Ended, refused, type Session, type Transport } from "./transport";

/** When the streams of many readers end together, the readers come back spread over so long. */
const spreadMs = 3000;

/** The types of events, besides plain messages, that say something about a stream with several channels. */
export const notices: readonly string[] = ["subscribed", "refused", "heartbeat"];

/** What a stream's source must call: message for each message, end once with the error that ended it. */
export interface Sink {
  message(text: unknown): void;
  end(err: unknown): void;
}

/** An open stream. Only some kinds can send. */
export interface Source {
  close(): void;
  send?(text: string): void;
}

/** Opens a stream. */
export type Open = (url: URL, sink: Sink, signal: AbortSignal) => Source;

const openers = new WeakMap<Transport, Open>();

/** Returns the transport that follows one channel over a stream. Streams of the same kind can carry several channels. */
export function streaming(open: Open): Transport {
  const transport: Transport = (s) =>
    new Promise((_, reject) => {
      let asked = true;
      listen(streamURL(s), open, s, (message) => {
        if (!isUpdate(message)) return new Error("the message is no update");
        const again = s.deliver(message, asked);
        asked = false; // only the first update answers the cursor with which the stream began
        return again ? new Ended(500 + Math.random() * 1000) : null;
      }, reject);
    });
  openers.set(transport, open);
  return transport;
}

/** Returns how to open streams of a transport's kind, if they can carry several channels. */
export function opener(transport: Transport | undefined): Open | undefined {
  return transport && openers.get(transport);
}

/**
 * Opens a stream and hands over its messages, until it ends, falls silent or is aborted, or until take returns an error. over is
 * called once then.
 */
export function listen(
  url: URL,
  open: Open,
  s: { readonly signal: AbortSignal; readonly silenceMs: number },
  take: (message: unknown) => Error | null,
  over: (err: unknown) => void,
): Source | null {
  const aborted = (): unknown => new DOMException("aborted", "AbortError");
  if (s.signal.aborted) {
    over(aborted());
    return null;
  }
  let source: Source | null = null;
  let silence = 0;
  let ended = false;
  const end = (err: unknown): void => {
    if (ended) return;
    ended = true;
    clearTimeout(silence);
    s.signal.removeEventListener("abort", abort);
    source?.close();
    over(err);
  };
  const abort = (): void => end(aborted());
  const wait = (): void => {
    clearTimeout(silence);
    silence = setTimeout(() => end(orderlyEnd()), s.silenceMs);
  };
  const message = (text: unknown): void => {
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
    end(err); // the page's policy may forbid it
  }
  return source;
}

function parse(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return null;
  }
}

/** Returns the error of a stream that ended or fell silent. Its random pause spreads the readers that come back. */
export function orderlyEnd(): Ended {
  return new Ended(Math.random() * spreadMs);
}

/** Asks for the status of a stream that did not begin. Browsers do not tell it. */
export async function refusal(url: URL, signal: AbortSignal): Promise<Error> {
  const answer = await fetch(url, { cache: "no-store", credentials: "same-origin", signal });
  if (!answer.ok) return refused(answer);
  void answer.body?.cancel();
  return new Error("the stream did not begin");
}

/** The URL of a stream that begins at the reader's cursor. */
function streamURL(s: Session): URL {
  const url = new URL(s.url);
  url.searchParams.set("since", String(s.cursor()));
  return url;
}
