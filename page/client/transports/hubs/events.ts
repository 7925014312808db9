import type { Dial, Ear } from "../hub";

/** What comes of an event stream, besides its end. */
export type Heard = Pick<Ear, "signal" | "end"> & {
  /** The server has answered. */
  open(): void;
  data(text: string): void;
};

/** Listens to an event stream of plain messages, and returns what closes it. */
export type Listen = (url: URL, heard: Heard) => () => void;

export const byEventSource: Listen = (url, { open, data, end }) => {
  const source = new EventSource(url.href);
  source.onopen = open;
  source.onmessage = (event) => data(event.data as string);
  source.onerror = () => {
    source.close(); // the browser would use the old token
    end();
  };
  return () => source.close();
};

/**
 * Follows a hub that has an event stream for each channel: Mercure (mercure.rocks/spec, sections 4 and 6) and Nchan. Both answer when the
 * subscriber is there. EventSource can't send a header, so the token is in the URL.
 */
export function eventStream(listen: Listen): Dial {
  return ({ url, token }, { signal, ready, message, end }, s) => {
    const at = new URL(url, s.url);
    if (token) at.searchParams.set("authorization", token);
    return listen(at, { signal, open: ready, data: (text) => message(parse(text)), end });
  };
}

/** Returns what JSON says, or null if it is none. */
export function parse(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return null;
  }
}
