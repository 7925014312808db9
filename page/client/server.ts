/** Returns the URL of a channel's list of transports. The server's URL may have a path, with or without a slash at its end. */
export function listOf(server: URL, channel: string): URL {
  const base = new URL(server);
  base.search = base.hash = "";
  base.pathname = base.pathname.replace(/\/*$/, "/");
  return new URL(`channels/${encodeURIComponent(channel)}/transports`, base);
}

/**
 * Returns the URL of the server of a list of transports. The list is at channels/ID/transports below it. If the list is
 * elsewhere, the server is the whole host.
 */
export function serverOf(list: URL): URL {
  return /\/channels\/[^/]+\/transports$/.test(list.pathname) ? new URL("../../", list) : new URL("/", list);
}

/**
 * Resolves a URL that the server gave. A path that begins with a slash is below the server's URL, because a proxy may
 * serve the server below a path of its host.
 */
export function resolve(url: string, server: URL, from: URL = server): URL {
  return /^\/(?![/\\])/.test(url) ? new URL("." + url, server) : new URL(url, from);
}

/** Makes the relative links, images and players of a post lead to its server, in a page of another site. */
export function lead(post: Element, server: URL): void {
  for (const name of ["href", "src", "poster", "data-live-frame"]) {
    for (const element of post.querySelectorAll(`[${name}]`)) {
      try {
        const url = element.getAttribute(name) ?? "";
        // A server that knows the path below which it is writes it.
        const whole = server.pathname !== "/" && url.startsWith(server.pathname);
        element.setAttribute(name, (whole ? new URL(url, server) : resolve(url, server)).href);
      } catch {
        // What is not a URL stays as it is.
      }
    }
  }
}
