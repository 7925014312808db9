import { isUpdate, type Update } from "../update";
import { Ended, refused, type Session } from "./transport";

/** When the streams of many readers end together, the readers come back spread over so long. */
const spreadMs = 3000;

/** What a stream's source must call: message for each message, end once with the error that ended it. */
export interface Sink {
  message(text: unknown): void;
  end(err: unknown): void;
}

/**
 * Runs a stream of updates until it ends or falls silent. open begins the stream and returns the function that closes it.
 * The first update answers the cursor with which the stream began.
 */
export function stream(s: Session, open: (sink: Sink) => () => void): Promise<never> {
  return new Promise((_, reject) => {
    if (s.signal.aborted) return reject(new DOMException("aborted", "AbortError"));
    let asked = true;
    let silence = 0;
    const end = (err: unknown): void => {
      clearTimeout(silence);
      s.signal.removeEventListener("abort", abort);
      close();
      reject(err);
    };
    const abort = (): void => end(new DOMException("aborted", "AbortError"));
    const listen = (): void => {
      clearTimeout(silence);
      silence = setTimeout(() => end(orderlyEnd()), s.silenceMs);
    };
    const message = (text: unknown): void => {
      if (s.signal.aborted) return;
      listen();
      const update = parse(text);
      if (!update) return end(new Error("the message is no update"));
      const again = s.deliver(update, asked);
      asked = false;
      if (again) end(new Ended(500 + Math.random() * 1000));
    };
    const close = open({ message, end });
    s.signal.addEventListener("abort", abort);
    listen();
  });
}

function parse(text: unknown): Update | null {
  try {
    const update: unknown = JSON.parse(String(text));
    return isUpdate(update) ? update : null;
  } catch {
    return null;
  }
}

/** Returns the error of a stream that ended or fell silent. Its random pause spreads the readers that come back. */
export function orderlyEnd(): Ended {
  return new Ended(Math.random() * spreadMs);
}

/** Asks for the status of a stream that did not begin. Browsers do not tell it. */
export async function refusal(url: URL, s: Session): Promise<Error> {
  const answer = await fetch(url, { cache: "no-store", credentials: "same-origin", signal: s.signal });
  if (!answer.ok) return refused(answer);
  void answer.body?.cancel();
  return new Error("the stream did not begin");
}

/** The URL of a stream that begins at the reader's cursor. */
export function streamURL(s: Session): URL {
  const url = new URL(s.url);
  url.searchParams.set("since", String(s.cursor()));
  return url;
}
