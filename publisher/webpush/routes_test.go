package webpush

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/storage/memory"
)

const secret = "the-token-of-editors-of-this-test"

// site is a whole site with notifications.
type site struct {
	t     *testing.T
	store *memory.Store
	http  *httptest.Server
	key   string
}

func newSite(t *testing.T, o *Options) *site {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	for id, access := range map[motacilla.ChannelID]motacilla.Access{
		"match": motacilla.Public, "final": motacilla.Public, "closed": motacilla.Private,
	} {
		if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: id, Access: access}, 0); err != nil {
			t.Fatal(err)
		}
	}
	if o == nil {
		o = Defaults()
	}
	o.Contact = "https://example.org/contact"
	var p *Publisher
	l, err := live.New(live.Options{Store: store, Token: secret, BasePath: "/news", Publishers: func(parts *live.Parts) []publisher.Publisher {
		var err error
		if p, err = New(parts.RelayKit(), o); err != nil {
			t.Fatal(err)
		}
		return []publisher.Publisher{polling.NewLong(parts.Feed, nil), p}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Feed.Start(t.Context()); err != nil { // without the relay and its jobs
		t.Fatal(err)
	}
	identify(t, p)
	t.Cleanup(func() { _ = l.Shutdown(t.Context()) })
	s := &site{t: t, store: store, http: httptest.NewServer(l)}
	t.Cleanup(s.http.Close)
	var got struct{ Key string }
	if status := s.call(http.MethodGet, "match", nil, &got); status != http.StatusOK || len(decoded(t, got.Key)) != pointSize {
		t.Fatalf("the key is %q (%d)", got.Key, status)
	}
	s.key = got.Key
	return s
}

// call sends a request to the route of a channel. with are pairs of a header's name and value.
func (s *site) call(method string, ch motacilla.ChannelID, body, answer any, with ...string) int {
	s.t.Helper()
	data, ok := body.(string)
	if !ok {
		text, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		data = string(text)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.http.URL+"/news/live/web-push/"+string(ch)+"/", strings.NewReader(data))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(with); i += 2 {
		r.Header.Set(with[i], with[i+1])
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err == nil && answer != nil {
		err = json.Unmarshal(text, answer)
	}
	if err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
	return got.StatusCode
}

// asks is what a page sends.
type asks struct {
	Key          string           `json:"key"`
	Subscription wireSubscription `json:"subscription"`
}

func (s *site) asks(endpoint string) asks {
	to, _ := subscribed(s.t, endpoint)
	return asks{s.key, to.wire()}
}

func (s *site) kept(ch motacilla.ChannelID) []motacilla.Record {
	s.t.Helper()
	list, err := s.store.Records().List(s.t.Context(), subscriptions, prefix(ch), "", 1000)
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

// TestSubscribe: a reader is kept once, renewed when the page is opened again, and forgotten when it wants.
func TestSubscribe(t *testing.T) {
	s := newSite(t, nil)
	ask := s.asks("https://push.example.net/one")
	for range 3 {
		if status := s.call(http.MethodPost, "match", ask, nil); status != http.StatusNoContent {
			t.Fatalf("subscribe: %d", status)
		}
	}
	list := s.kept("match")
	if len(list) != 1 || time.Until(list[0].Expires) < 59*24*time.Hour || time.Until(list[0].Expires) > 60*24*time.Hour {
		t.Fatalf("kept is %+v", list)
	}
	if list[0].Version != 0 && bytes.Contains([]byte(list[0].Key), []byte("example")) {
		t.Error("the key of the record tells of the endpoint")
	}
	to, err := parseReader(list[0])
	if err != nil || to.wire() != ask.Subscription || !to.whilePublic {
		t.Errorf("the reader is %+v (%v)", to, err)
	}
	again := ask
	again.Subscription.Keys.Auth = encode64(bytes.Repeat([]byte{7}, authSize))
	if status := s.call(http.MethodPost, "match", again, nil); status != http.StatusNoContent {
		t.Fatalf("subscribe with other keys: %d", status)
	}
	if list = s.kept("match"); len(list) != 1 {
		t.Fatalf("kept is %+v", list)
	}
	if to, err := parseReader(list[0]); err != nil || to.wire() != again.Subscription {
		t.Errorf("the reader is %+v (%v)", to, err)
	}
	gone := map[string]string{"endpoint": ask.Subscription.Endpoint}
	for range 2 {
		if status := s.call(http.MethodDelete, "match", gone, nil); status != http.StatusNoContent {
			t.Fatalf("unsubscribe: %d", status)
		}
	}
	if len(s.kept("match")) != 0 || count(t, s.store, networks) != 0 {
		t.Error("something is left")
	}
}

// TestRefusedSubscriptions: nothing is kept of what is wrong, or of what another site asks for.
func TestRefusedSubscriptions(t *testing.T) {
	o := Defaults()
	o.Services, o.Channels = []string{"push.example.net", "*.push.example.org"}, []string{"match", "closed", "other"}
	s := newSite(t, o)
	right := s.asks("https://push.example.net/one")
	otherKey := right
	otherKey.Key = encode64(make([]byte, pointSize))
	point := right
	point.Subscription.Keys.P256DH = encode64(append([]byte{4}, make([]byte, pointSize-1)...))
	long := right
	long.Subscription.Endpoint = "https://push.example.net/" + strings.Repeat("x", 3000)
	for _, of := range []struct {
		name   string
		ch     motacilla.ChannelID
		body   any
		with   []string
		status int
	}{
		{"no JSON", "match", "{", nil, http.StatusBadRequest},
		{"nothing", "match", "{}", nil, http.StatusBadRequest},
		{"too much", "match", strings.Repeat(" ", 9000) + "{}", nil, http.StatusBadRequest},
		{"another key", "match", otherKey, nil, http.StatusConflict},
		{"no point of the curve", "match", point, nil, http.StatusBadRequest},
		{"a long endpoint", "match", long, nil, http.StatusBadRequest},
		{"another service", "match", s.asks("https://push.example.com/one"), nil, http.StatusBadRequest},
		{"a service above the pattern", "match", s.asks("https://push.example.org/one"), nil, http.StatusBadRequest},
		{"no such channel", "other", right, nil, http.StatusNotFound},
		{"a channel without notifications", "final", right, nil, http.StatusNotFound},
		{"a private channel", "closed", right, nil, http.StatusForbidden},
		{"another site", "match", right, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"another origin", "match", right, []string{"Origin", "https://example.com"}, http.StatusForbidden},
		{"another site, to a private channel", "closed", right,
			[]string{"Sec-Fetch-Site", "same-site", "Authorization", "Bearer " + secret}, http.StatusForbidden},
	} {
		if status := s.call(http.MethodPost, of.ch, of.body, nil, of.with...); status != of.status {
			t.Errorf("%s: %d, want %d", of.name, status, of.status)
		}
	}
	for _, ch := range []motacilla.ChannelID{"match", "closed", "other"} {
		if n := len(s.kept(ch)); n != 0 {
			t.Errorf("%d readers of %s are kept", n, ch)
		}
	}
	for _, endpoint := range []string{"https://push.example.net/two", "https://eu.push.example.org/two"} {
		if status := s.call(http.MethodPost, "match", s.asks(endpoint), nil, "Sec-Fetch-Site", "same-origin"); status != http.StatusNoContent {
			t.Errorf("%s: %d", endpoint, status)
		}
	}
	if status := s.call(http.MethodPut, "match", "", nil); status != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %d", status)
	}
}

// TestPrivateChannels: who may read a private channel can be told of it, for some days.
func TestPrivateChannels(t *testing.T) {
	s := newSite(t, nil)
	status := s.call(http.MethodPost, "closed", s.asks("https://push.example.net/one"), nil, "Authorization", "Bearer "+secret)
	list := s.kept("closed")
	if status != http.StatusNoContent || len(list) != 1 {
		t.Fatalf("subscribe: %d, %d are kept", status, len(list))
	}
	if to, err := parseReader(list[0]); err != nil || to.whilePublic || time.Until(list[0].Expires) > keepPrivate {
		t.Errorf("the reader is %+v until %v (%v)", to, list[0].Expires, err)
	}
}

// TestTooMany: channels and addresses have limits. Who is there already may be renewed.
func TestTooMany(t *testing.T) {
	o := Defaults()
	o.PerChannel, o.PerAddress = 5, 3
	s := newSite(t, o)
	if _, err := s.store.PutChannel(t.Context(), motacilla.Channel{ID: "second"}, 0); err != nil {
		t.Fatal(err)
	}
	first := s.asks("https://push.example.net/first")
	for i, want := range []int{204, 204, 204, 429, 429} {
		ask := first
		if i > 0 {
			ask = s.asks(fmt.Sprint("https://push.example.net/", i))
		}
		if status := s.call(http.MethodPost, "match", ask, nil); status != want {
			t.Errorf("reader %d: %d, want %d", i, status, want)
		}
	}
	if status := s.call(http.MethodPost, "match", first, nil); status != http.StatusNoContent {
		t.Errorf("the first one again: %d", status)
	}
	if status := s.call(http.MethodPost, "second", first, nil); status != http.StatusNoContent {
		t.Errorf("another channel: %d", status)
	}
}

// TestFullChannel: the parts in which readers are counted hold no more than the channel may have.
func TestFullChannel(t *testing.T) {
	for _, most := range []int{1, 5, 400, 401, 1000, 100_000} {
		digits, each := share(most)
		if parts := 1 << (4 * digits); each*parts < most || each*parts >= most+parts || each > 401 {
			t.Errorf("%d are %d in each of %d parts", most, each, parts)
		}
	}
	o := Defaults()
	o.PerChannel = 5
	s := newSite(t, o)
	for i, want := range []int{204, 204, 204, 204, 204, 503, 503} {
		if status := s.call(http.MethodPost, "match", s.asks(fmt.Sprint("https://push.example.net/", i)), nil); status != want {
			t.Errorf("reader %d: %d, want %d", i, status, want)
		}
	}
}

// TestPageOffersNotifications: the page has the button, and no transport of this name.
func TestPageOffersNotifications(t *testing.T) {
	o := Defaults()
	o.Channels = []string{"m*"}
	s := newSite(t, o)
	get := func(path string) (string, http.Header) {
		answer, err := http.Get(s.http.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d (%v)", path, answer.StatusCode, err)
		}
		return string(body), answer.Header
	}
	if page, _ := get("/news/channels/match"); !strings.Contains(page, `data-live-notify="/news/live/web-push/match/"`) {
		t.Errorf("the page has no button: %s", page)
	}
	if page, _ := get("/news/channels/final"); strings.Contains(page, "notify") {
		t.Error("a channel without notifications has a button")
	}
	if list, _ := get("/news/channels/match/transports"); strings.Contains(list, "push") {
		t.Errorf("the transports are %s", list)
	}
	script, h := get("/news/live/web-push/match/worker.js")
	if script != string(worker) || h.Get("Content-Type") != "text/javascript; charset=utf-8" || h.Get("Cache-Control") != "no-cache" {
		t.Errorf("the worker comes with %v", h)
	}
}
