// The service worker that shows the notifications of one channel. Its scope is the channel's address on this server:
// .../live/web-push/CHANNEL/.
const here = self.registration.scope;
const page = new URL("../../../channels/" + here.split("/").at(-2), here).href;

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("push", (event) => event.waitUntil(show(event.data)));

async function show(data) {
  const message = data?.json() ?? {};
  await self.registration.showNotification(message.title ?? "", {
    body: message.body,
    tag: message.tag,
    timestamp: message.time,
    dir: "auto",
  });
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open());
});

// open shows the channel's page: the tab that has it, or a new one.
async function open() {
  const tabs = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const tab = tabs.find(({ url }) => url.split(/[?#]/)[0].replace(/\/$/, "") === page);
  await (tab ? tab.focus() : self.clients.openWindow(page));
}

// A push service may end a subscription and let the browser make another one.
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event)));

async function renew({ newSubscription }) {
  const { key } = await (await fetch(here)).json();
  const options = { userVisibleOnly: true, applicationServerKey: key };
  const subscription = newSubscription ?? (await self.registration.pushManager.subscribe(options));
  await fetch(here, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ key, subscription }),
  });
}
