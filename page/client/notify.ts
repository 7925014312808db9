// The button that asks for notifications of key events. The server shows it to scripts as data-live-notify: the address at which
// a browser subscribes to the channel (publisher/webpush).
import { encode } from "./base64";

/** Offers notifications, if the browser can show them. Without that, the box stays hidden. */
export function offerNotifications(box: HTMLElement): void {
  const button = box.querySelector("button");
  const able = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
  if (button && able) void new Offer(box, button).begin();
}

class Offer {
  private readonly url: URL;
  private readonly said: Element | null;

  constructor(private readonly box: HTMLElement, private readonly button: HTMLButtonElement) {
    this.url = new URL(box.dataset.liveNotify ?? "", document.baseURI);
    this.said = box.querySelector("[role=status]");
  }

  /** Shows the button as it is, and renews the subscription: the server forgets readers who do not come. */
  async begin(): Promise<void> {
    this.button.addEventListener("click", () => void this.press());
    const subscription = await this.subscription().catch(() => null);
    this.tell(subscription !== null);
    this.box.hidden = false;
    if (subscription) await this.renew(subscription).catch(() => undefined);
  }

  private async press(): Promise<void> {
    if (this.button.getAttribute("aria-busy") === "true") return;
    this.button.setAttribute("aria-busy", "true");
    try {
      const subscription = await this.subscription();
      if (subscription) await this.unsubscribe(subscription);
      else if (await permitted()) await this.subscribe();
      else return this.tell(false, "denied");
      this.tell(!subscription, subscription ? "" : "done");
    } catch {
      this.tell((await this.subscription().catch(() => null)) !== null, "failed");
    } finally {
      this.button.removeAttribute("aria-busy");
    }
  }

  private tell(on: boolean, word = ""): void {
    this.button.setAttribute("aria-pressed", String(on));
    if (this.said) this.said.textContent = word ? (this.box.dataset[word] ?? "") : "";
  }

  /** Returns the worker of this channel. There may be another one for the whole site, which is not ours. */
  private async worker(): Promise<ServiceWorkerRegistration | null> {
    const found = await navigator.serviceWorker.getRegistration(this.url);
    return found?.scope === this.url.href ? found : null;
  }

  private async subscription(): Promise<PushSubscription | null> {
    return (await (await this.worker())?.pushManager.getSubscription()) ?? null;
  }

  private async subscribe(): Promise<void> {
    const answer = await fetch(this.url, { cache: "no-store" });
    if (!answer.ok) throw new Error(`the key can't be read: ${answer.status}`);
    const { key } = await answer.json();
    const worker = await navigator.serviceWorker.register(new URL("worker.js", this.url));
    await active(worker);
    const subscription = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    try {
      await this.send("POST", { key, subscription });
    } catch (error) {
      await subscription.unsubscribe();
      throw error;
    }
  }

  private async unsubscribe(subscription: PushSubscription): Promise<void> {
    const { endpoint } = subscription;
    await subscription.unsubscribe();
    await (await this.worker())?.unregister();
    // The push service tells the server too, when the next message comes.
    await this.send("DELETE", { endpoint }).catch(() => undefined);
  }

  private async renew(subscription: PushSubscription): Promise<void> {
    const used = subscription.options.applicationServerKey;
    const key = used ? encode(new Uint8Array(used)) : "";
    const status = await this.send("POST", { key, subscription }).then(() => 0, (e: unknown) => (e instanceof Failed ? e.status : 0));
    if (status !== 409) return;
    await subscription.unsubscribe(); // the server has another key now
    await this.subscribe().catch(() => this.tell(false, "failed"));
  }

  private async send(method: string, body: object): Promise<void> {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(this.url, { method, headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Failed(answer.status);
  }
}

class Failed extends Error {
  constructor(readonly status: number) {
    super(`the answer has status ${status}`);
  }
}

async function permitted(): Promise<boolean> {
  return (await Notification.requestPermission()) === "granted";
}

/** Waits until a worker may subscribe. */
function active(worker: ServiceWorkerRegistration): Promise<void> {
  const next = worker.installing ?? worker.waiting;
  if (worker.active || !next) return Promise.resolve();
  return new Promise((resolve, reject) => {
    next.addEventListener("statechange", () => {
      if (next.state === "activated") resolve();
      if (next.state === "redundant") reject(new Error("the worker can't be installed"));
    });
  });
}
