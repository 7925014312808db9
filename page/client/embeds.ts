// The players of embedded pages that readers have to agree to. The server renders a place for each, [data-live-frame], and a
// button with a box to tick, [data-live-ask]. Without scripts neither shows, and there is only the card.

/** Where the providers are kept whose players the reader always wants. */
const key = "motacilla.embeds";

function agreed(): string[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(list) ? list.filter((name): name is string => typeof name === "string") : [];
  } catch {
    return []; // storage is denied, or holds something else
  }
}

function agree(provider: string, always: boolean): void {
  try {
    const others = agreed().filter((name) => name !== provider);
    localStorage.setItem(key, JSON.stringify(always ? [...others, provider] : others));
  } catch {
    // The reader is asked again on the next page.
  }
}

/** Offers the players in a list of posts, and loads those that the reader has agreed to. */
export class Embeds {
  /** The URLs of players that were loaded. A post that is edited keeps them. */
  private readonly opened = new Set<string>();

  constructor(private readonly list: HTMLElement, signal: AbortSignal) {
    list.addEventListener("click", (event) => this.clicked(event), { signal });
    list.addEventListener("change", (event) => this.ticked(event), { signal });
  }

  /** Shows the buttons of a post, and the players that need none. */
  offer(post: Element): void {
    const always = post.querySelector("[data-live-ask]") ? agreed() : [];
    for (const ask of post.querySelectorAll<HTMLElement>("[data-live-ask]")) {
      const provider = ask.dataset.liveAsk ?? "";
      const box = ask.querySelector("input");
      ask.hidden = false;
      if (box) box.checked = always.includes(provider);
      const place = placeOf(ask);
      if (place && (always.includes(provider) || this.opened.has(place.dataset.liveFrame ?? ""))) this.open(ask);
    }
  }

  private clicked(event: Event): void {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>(".embed-show") : null;
    const ask = button?.closest<HTMLElement>("[data-live-ask]");
    if (!ask) return;
    this.open(ask)?.focus();
    if (ask.querySelector("input")?.checked) this.openAll(ask.dataset.liveAsk ?? "");
  }

  private ticked(event: Event): void {
    const box = event.target;
    const ask = box instanceof HTMLInputElement ? box.closest<HTMLElement>("[data-live-ask]") : null;
    if (!ask || !(box instanceof HTMLInputElement)) return;
    const provider = ask.dataset.liveAsk ?? "";
    agree(provider, box.checked);
    for (const other of this.asks(provider)) {
      const its = other.querySelector("input");
      if (its) its.checked = box.checked;
    }
  }

  private asks(provider: string): HTMLElement[] {
    return [...this.list.querySelectorAll<HTMLElement>("[data-live-ask]")].filter((ask) => ask.dataset.liveAsk === provider);
  }

  private openAll(provider: string): void {
    for (const ask of this.asks(provider)) this.open(ask);
  }

  /** Puts a player in its place. */
  private open(ask: HTMLElement): HTMLIFrameElement | null {
    const place = placeOf(ask);
    const url = place?.dataset.liveFrame ?? "";
    const frame = place && frameOf(place, url);
    if (!place || !frame) return null;
    this.opened.add(url);
    place.replaceWith(frame);
    frame.parentElement?.classList.remove("embed-player--asks");
    const button = ask.querySelector<HTMLElement>(".embed-show");
    if (button) button.hidden = true;
    return frame;
  }
}

/** Returns the place of the player that a button is for: in the element with data-live-embed before it. */
function placeOf(ask: HTMLElement): HTMLElement | null {
  const player = ask.previousElementSibling?.previousElementSibling ?? null;
  return player?.matches("[data-live-embed]") ? player.querySelector<HTMLElement>("[data-live-frame]") : null;
}

/**
 * Makes the frame of a player. A player of another site keeps its own origin, which is not the page's. A document of the
 * page's own site must not have that origin, because it could reach the page.
 */
function frameOf(place: HTMLElement, src: string): HTMLIFrameElement | null {
  let url: URL;
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
