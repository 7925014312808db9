/**
 * Where the server is whose channel a list of transports is of: the list stands at channels/ID/transports below it.
 * Where it stands elsewhere, the server is the whole host.
 */
export function serverOf(list: URL): URL {
  return /\/channels\/[^/]+\/transports$/.test(list.pathname) ? new URL("../../", list) : new URL("/", list);
}

/**
 * Where a URL leads that the server gave. A path from the root is from the server's, which a proxy may have put below
 * a path of its host.
 */
export function resolve(url: string, server: URL, from: URL = server): URL {
  return /^\/(?![/\\])/.test(url) ? new URL("." + url, server) : new URL(url, from);
}

/** Makes the links and pictures of a post lead to its server, in a page that is elsewhere. */
export function lead(post: Element, server: URL): void {
  for (const name of ["href", "src", "poster"]) {
    for (const element of post.querySelectorAll(`[${name}]`)) {
      try {
        element.setAttribute(name, resolve(element.getAttribute(name) ?? "", server).href);
      } catch {
        // what is no URL leads nowhere here either
      }
    }
  }
}
