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
  for (const name of ["href", "src", "poster", "srcset", "data-live-frame"]) {
    for (const element of post.querySelectorAll(`[${name}]`)) {
      const value = element.getAttribute(name) ?? "";
      try {
        element.setAttribute(name, name === "srcset" ? leadAll(value, server) : leadOne(value, server));
      } catch {
        // What is not a URL stays as it is.
      }
    }
  }
}

/** A server that knows below which path it is has written that path already. */
function leadOne(url: string, server: URL): string {
  const known = server.pathname !== "/" && url.startsWith(server.pathname);
  return (known ? new URL(url, server) : resolve(url, server)).href;
}

/** Does so with each URL of a srcset, such as "/media/ID/320.jpg 320w, /media/ID/640.jpg 640w". */
function leadAll(srcset: string, server: URL): string {
  const sizes = srcset.split(/,\s+/).map((size) => size.trim().split(/\s+/));
  return sizes.map(([url = "", ...width]) => [leadOne(url, server), ...width].join(" ")).join(", ");
}
