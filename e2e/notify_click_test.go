package e2e

import (
	"io"
	"net/http"
	"testing"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/motacilla-live/motacilla"
)

// clicker is the service worker with a way to click. No program can click on a notification, and without a click Chromium neither
// brings a tab to the front nor opens one, so what the worker asks for is noted. Which tabs there are is Chromium's answer.
const clicker = `
	let asked = [];
	WindowClient.prototype.focus = async function () { asked.push("focus " + new URL(this.url).pathname); return this; };
	Clients.prototype.openWindow = async (url) => { asked.push("open " + new URL(url, location).pathname); return null; };
	importScripts("worker.js");
	self.addEventListener("message", (message) => message.waitUntil((async () => {
		const [notification] = await self.registration.getNotifications();
		const click = new NotificationEvent("notificationclick", { notification });
		const waits = [];
		click.waitUntil = (promise) => waits.push(promise);
		self.dispatchEvent(click);
		await Promise.all(waits);
		message.ports[0].postMessage({ asked, left: (await self.registration.getNotifications()).length });
		asked = [];
	})()));`

// TestClickOnANotification: it goes away, and the tab that shows the channel comes to the front, or else a new one opens.
func TestClickOnANotification(t *testing.T) {
	t.Parallel()
	const folder = "/live/web-push/" + string(channel) + "/"
	n := newNotifier(t, func(site http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != folder+"clicker.js" {
				site.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = io.WriteString(w, clicker)
		})
	})
	if _, err := n.store.PutChannel(t.Context(), motacilla.Channel{ID: channel + "-2", Title: "Another match"}, 0); err != nil {
		t.Fatal(err)
	}
	const click = `(async () => {
		const worker = await navigator.serviceWorker.register("` + folder + `clicker.js");
		const next = worker.installing ?? worker.waiting;
		if (next) await new Promise((resolve) => {
			next.onstatechange = () => { if (next.state === "activated") resolve(); };
			if (next.state === "activated") resolve();
		});
		await worker.showNotification("The match", { body: "Goal!", tag: "1" });
		const { port1, port2 } = new MessageChannel();
		const answer = new Promise((resolve) => { port1.onmessage = (event) => resolve(event.data); });
		worker.active.postMessage("click", [port2]);
		return answer;
	})()`
	page := "/channels/" + string(channel)
	window := browserOf(t, cdpbrowser.PermissionSettingGranted)
	p := open(t, window, n.site+page+"-2")
	clicked := func(what, want string) {
		t.Helper()
		p.live()
		var got struct {
			Asked []string
			Left  int
		}
		p.eval(click, &got)
		if len(got.Asked) != 1 || got.Asked[0] != want || got.Left != 0 {
			t.Errorf("%s: a click asks for %q, want %q; %d notifications are left", what, got.Asked, want, got.Left)
		}
	}
	clicked("only another channel is shown", "open "+page)
	p.goTo(n.site + page + "?from=mail#top")
	clicked("the page is shown", "focus "+page)
}
