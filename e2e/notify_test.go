package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/serviceworker"
	"github.com/chromedp/chromedp"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/webpush"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// pushService is web-push-testing of npm: a push service that checks and decrypts what it gets.
type pushService struct {
	t    *testing.T
	url  string // over TLS
	http string
}

func newPushService(t *testing.T) *pushService {
	t.Helper()
	folder := npmApp(t)
	addr := realserver.FreeAddress(t)
	_, port, _ := net.SplitHostPort(addr)
	node(t, folder, nil, "node_modules/web-push-testing/src/bin/server.js", port).says("Server running on port " + port)
	plain := &url.URL{Scheme: "http", Host: "127.0.0.1:" + port}
	proxy := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(plain) }})
	proxy.TLS = certificate.Server("http/1.1")
	proxy.StartTLS()
	t.Cleanup(proxy.Close)
	return &pushService{t, proxy.URL, plain.String()}
}

// call calls the service's own interface, and returns the data of its answer.
func (s *pushService) call(path string, body, data any) {
	s.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := http.Post(s.http+path, "application/json", bytes.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s", path, answer.Status)
	}
	if data == nil {
		return
	}
	if err := json.NewDecoder(answer.Body).Decode(&struct{ Data any }{data}); err != nil {
		s.t.Fatal(err)
	}
}

// pushSubscription is what the service gives out for a browser.
type pushSubscription struct {
	Endpoint   string            `json:"endpoint"`
	Keys       map[string]string `json:"keys"`
	ClientHash string            `json:"clientHash"`
}

// subscribe returns a new subscription with a server's key, in the form that browsers give it.
func (s *pushService) subscribe(key string) (sub pushSubscription) {
	s.t.Helper()
	s.call("/subscribe", map[string]string{"userVisibleOnly": "true", "applicationServerKey": key}, &sub)
	sub.Endpoint = s.url + "/notify/" + sub.ClientHash
	for name, value := range sub.Keys {
		sub.Keys[name] = strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(value)
	}
	return sub
}

// messages returns what the service has decrypted for a subscription.
func (s *pushService) messages(sub pushSubscription) []string {
	s.t.Helper()
	var got struct{ Messages []string }
	s.call("/get-notifications", map[string]string{"clientHash": sub.ClientHash}, &got)
	return got.Messages
}

// notifier is a site with notifications.
type notifier struct {
	t     *testing.T
	store *memory.Store
	push  *webpush.Publisher
	site  string
}

// newNotifier starts a site. around is a handler around it, if there is one.
func newNotifier(t *testing.T, around ...func(http.Handler) http.Handler) *notifier {
	t.Helper()
	n := &notifier{t: t, store: memory.New(nil)}
	t.Cleanup(func() { _ = n.store.Close() })
	if _, err := n.store.PutChannel(t.Context(), motacilla.Channel{ID: channel, Title: "The match"}, 0); err != nil {
		t.Fatal(err)
	}
	client := outbound.New(&outbound.Options{
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Roots: certificate.Client().RootCAs,
	})
	t.Cleanup(client.Close)
	l, err := live.New(live.Options{Store: n.store, Client: client, Publishers: func(p *live.Parts) []publisher.Publisher {
		var err error
		o := webpush.Defaults()
		o.Contact = "mailto:live@example.org"
		if n.push, err = webpush.New(p.RelayKit(), o); err != nil {
			t.Fatal(err)
		}
		return []publisher.Publisher{polling.NewLong(p.Feed, nil), n.push}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	site := http.Handler(l)
	for _, wrap := range around {
		site = wrap(site)
	}
	server := usual().start(site)
	t.Cleanup(func() {
		_ = l.Shutdown(context.Background())
		server.Close()
	})
	n.site = server.URL
	await(t, "the node relays", func() bool { return n.push.Status().Leading })
	return n
}

// key returns the key with which browsers subscribe.
func (n *notifier) key() string {
	n.t.Helper()
	answer, err := http.Get(n.site + "/live/web-push/" + string(channel) + "/")
	if err != nil {
		n.t.Fatal(err)
	}
	defer answer.Body.Close()
	var got struct{ Key string }
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || got.Key == "" {
		n.t.Fatalf("there is no key (%v)", err)
	}
	return got.Key
}

func (n *notifier) keyEvent(text string) motacilla.PostID {
	n.t.Helper()
	p, err := n.store.PutPost(n.t.Context(), channel, motacilla.Post{
		Show: true, KeyEvent: true, Content: []motacilla.Block{motacilla.PlainText(text)},
	}, 0)
	if err != nil {
		n.t.Fatal(err)
	}
	return p.ID
}

// readers returns how many subscriptions the store has.
func (n *notifier) readers() int {
	n.t.Helper()
	list, err := n.store.Records().List(n.t.Context(), "web-push.subscriptions", string(channel)+"/", "", 100)
	if err != nil {
		n.t.Fatal(err)
	}
	return len(list)
}

// permit answers for the reader when pages ask whether they may show notifications.
func permit(in context.Context, t *testing.T, setting cdpbrowser.PermissionSetting) {
	t.Helper()
	c := chromedp.FromContext(in)
	_, err := cdp.Call(in, c.Browser, cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{
		Permission: &cdpbrowser.PermissionDescriptor{Name: "notifications"}, Setting: setting, BrowserContextID: c.BrowserContextID,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// pushes makes a page's browser subscribe at the service, since Chromium reaches its own only with the keys of its maker.
func pushes(sub pushSubscription) string {
	text, _ := json.Marshal(sub)
	return fmt.Sprintf(`(() => {
		const given = %s;
		const state = () => JSON.parse(localStorage.subscribed ?? "null");
		const bytes = (key) => Uint8Array.from(atob(key.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0)).buffer;
		const subscription = () => ({
			endpoint: given.endpoint, options: { userVisibleOnly: true, applicationServerKey: bytes(state()) },
			toJSON: () => ({ endpoint: given.endpoint, expirationTime: null, keys: given.keys }),
			unsubscribe: async () => { delete localStorage.subscribed; return true; },
		});
		PushManager.prototype.getSubscription = async () => (state() ? subscription() : null);
		PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
			if (!userVisibleOnly) throw new Error("must be visible");
			localStorage.subscribed = JSON.stringify(applicationServerKey);
			return subscription();
		};
	})()`, text)
}

const bell = `document.querySelector(".notify-button")`

// TestNotifications: a reader presses the button, and a key event reaches its push service, which is not ours, and from there its
// service worker, which shows it. When the reader presses again, it is forgotten.
func TestNotifications(t *testing.T) {
	t.Parallel()
	service, n := newPushService(t), newNotifier(t)
	sub := service.subscribe(n.key())
	window := browserOf(t, cdpbrowser.PermissionSettingGranted)
	p := open(t, window, n.site+"/channels/"+string(channel), pushes(sub))
	workers := registrations(t, p)
	p.live()
	p.until(bell + `.checkVisibility() && ` + bell + `.getAttribute("aria-pressed") === "false"`)
	p.eval(bell+`.click()`, nil)
	p.until(bell + `.getAttribute("aria-pressed") === "true" && document.querySelector(".notify-said").textContent.startsWith("You will be")`)
	if n.readers() != 1 {
		t.Fatalf("%d readers are kept", n.readers())
	}

	id := n.keyEvent("Goal! 1–0 & <b>Köln</b> 👍🏽")
	await(t, "the push service has the message", func() bool { return len(service.messages(sub)) == 1 })
	origin, err := url.Parse(n.site)
	if err != nil {
		t.Fatal(err)
	}
	message := service.messages(sub)[0]
	const registered = `navigator.serviceWorker.getRegistration("/live/web-push/match/")`
	await(t, "the worker is active", func() (active bool) { // until then the browser drops what comes
		p.eval(registered+`.then((r) => r?.active?.state === "activated")`, &active)
		return active
	})
	deliver := call(serviceworker.DeliverPushMessage, serviceworker.DeliverPushMessageParams{
		Origin: origin.Scheme + "://" + origin.Host, RegistrationID: receive(t, "a worker is registered", workers), Data: message,
	})
	const shown = registered + `.then((r) => r.getNotifications()).then((all) =>
		all.map((n) => ({ title: n.title, body: n.body, tag: n.tag })))`
	type notification struct{ Title, Body, Tag string }
	var got []notification
	var delivered time.Time
	await(t, "the notification is shown", func() bool {
		if time.Since(delivered) > 10*time.Second { // a browser drops what its worker takes too long for; a message again replaces itself
			delivered = time.Now()
			p.run(deliver)
		}
		p.eval(shown, &got)
		return len(got) == 1
	})
	if want := (notification{"The match", "Goal! 1–0 & <b>Köln</b> 👍🏽", string(id)}); got[0] != want {
		t.Errorf("it shows %+v, want %+v", got[0], want)
	}

	again := open(t, window, n.site+"/channels/"+string(channel), pushes(sub)) // it is known and renewed
	again.until(bell + `.getAttribute("aria-pressed") === "true"`)
	again.eval(bell+`.click()`, nil)
	again.until(bell + `.getAttribute("aria-pressed") === "false"`)
	await(t, "the reader is forgotten", func() bool { return n.readers() == 0 })
	again.until(`document.querySelector(".notify-said").textContent === ""`)
}

// TestNotificationsOfAnEndedSubscription: a reader whose push service says that it has left is forgotten.
func TestNotificationsOfAnEndedSubscription(t *testing.T) {
	t.Parallel()
	service, n := newPushService(t), newNotifier(t)
	key := n.key()
	left, stays := service.subscribe(key), service.subscribe(key)
	for _, sub := range []pushSubscription{left, stays} {
		body, _ := json.Marshal(map[string]any{"key": key, "subscription": sub})
		answer, err := http.Post(n.site+"/live/web-push/"+string(channel)+"/", "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusNoContent {
			t.Fatal(answer.Status)
		}
	}
	service.call("/expire-subscription/"+left.ClientHash, map[string]string{}, nil)
	n.keyEvent(strings.Repeat("A long text. ", 1000))
	await(t, "the one that stays has the message", func() bool { return len(service.messages(stays)) == 1 })
	await(t, "the one that left is forgotten", func() bool { return n.readers() == 1 })
	if message := service.messages(stays)[0]; len(message) > webpush.MaxPayload || !json.Valid([]byte(message)) {
		t.Errorf("the message has %d bytes: %s", len(message), message)
	}
}

// TestNotificationsThatAreBlocked: the page says so. Without scripts, or where there are none, there is no button.
func TestNotificationsThatAreBlocked(t *testing.T) {
	t.Parallel()
	n := newNotifier(t)
	p := open(t, browserOf(t, cdpbrowser.PermissionSettingDenied), n.site+"/channels/"+string(channel))
	p.live()
	p.until(bell + `.checkVisibility()`)
	p.eval(bell+`.click()`, nil)
	p.until(`document.querySelector(".notify-said").textContent.startsWith("Notifications are blocked")`)
	p.until(bell + `.getAttribute("aria-pressed") === "false"`)

	p = open(t, browserOf(t, cdpbrowser.PermissionSettingGranted), n.site+"/channels/"+string(channel), `delete window.PushManager`)
	p.live()
	p.until(`!` + bell + `.checkVisibility()`)

	s := newStack(t, "long-polling")
	s.start()
	p = open(t, browserOf(t, cdpbrowser.PermissionSettingGranted), s.url)
	p.live()
	p.until(`!` + bell)
}

// browserOf is browser, with the reader's answer to pages that ask whether they may show notifications: the whole one can.
func browserOf(t *testing.T, setting cdpbrowser.PermissionSetting) context.Context {
	t.Helper()
	window := contextOf(t, wholeBrowser)
	permit(window, t, setting)
	return window
}

// registrations tells of the service workers that a page's browser registers.
func registrations(t *testing.T, p *tab) <-chan serviceworker.RegistrationID {
	t.Helper()
	found := make(chan serviceworker.RegistrationID, 100)
	var mu sync.Mutex
	known := map[serviceworker.RegistrationID]bool{}
	if err := chromedp.Listen(p.ctx, func(event any) {
		e, ok := event.(*serviceworker.EventWorkerRegistrationUpdated)
		if !ok {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, r := range e.Registrations {
			if strings.Contains(r.ScopeURL, "/web-push/") && !known[r.RegistrationID] {
				known[r.RegistrationID] = true
				found <- r.RegistrationID
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	p.run(call(serviceworker.Enable, cdp.Empty{}))
	return found
}
