package relay_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/route"
)

// offering is an adapter whose hub readers may follow.
type offering struct {
	*relay.Relay
	routes []route.Route
}

func (o *offering) URLs() []route.Route { return o.routes }

// offered returns a site with a relay, and what it was asked for tickets.
func offered(t *testing.T, site *publishertest.Site, o relay.Options, r relay.ReaderOptions, of relay.TicketOf) {
	t.Helper()
	hubs := relay.NewClient()
	t.Cleanup(hubs.Close)
	rl, err := relay.New(&relay.Kit{Feed: site.Feed, Source: site.Source, Hubs: hubs, Client: hubs}, &hub{}, &o, relay.Traits{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	site.Add(&offering{rl, rl.TicketRoute("test", &r, of)})
}

// told is the answer to a reader.
type told struct {
	Update motacilla.Update `json:"update"`
	Check  int64            `json:"check_ms"`
	Hub    relay.Ticket     `json:"hub"`
}

func ask(site *publishertest.Site, method, path, secret string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, http.NoBody)
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	w := httptest.NewRecorder()
	site.Routes.ServeHTTP(w, r)
	return w
}

func ticketFor(_ *http.Request, ch motacilla.ChannelID, private bool, _ time.Time) (*relay.Ticket, error) {
	k := &relay.Ticket{Protocol: "mercure", URL: "https://hub.example/" + string(ch)}
	if private {
		k.Token = "a token"
	}
	return k, nil
}

const reading = "https://hub.example/"

// TestTicket: a reader gets what it lacks, and how it follows the hub.
func TestTicket(t *testing.T) {
	site := publishertest.NewSite(t, nil)
	offered(t, site, relay.Options{Private: true}, relay.ReaderOptions{Readers: reading, Check: 5 * time.Second}, ticketFor)
	var view motacilla.View
	for range 3 {
		w := ask(site, http.MethodGet, "/live/test/match-42/?since="+view.Revision.String(), "")
		var got told
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if view.Apply(&got.Update, true) {
			t.Errorf("at %d the update begins at %d", view.Revision, got.Update.From)
		}
		if err := site.Differ(&view, publishertest.Channel); err != nil {
			t.Error(err)
		}
		if got.Check != 5000 || got.Hub != (relay.Ticket{Protocol: "mercure", URL: "https://hub.example/match-42"}) {
			t.Errorf("got %+v", got)
		}
		if h := w.Header(); h.Get("Cache-Control") != "no-store" || h.Get("Content-Type") != "application/json" {
			t.Errorf("the header is %v", h)
		}
		site.Post(publishertest.Channel, "Goal")
	}
	if w := ask(site, http.MethodGet, "/live/test/members/", publishertest.Secret); w.Code != http.StatusOK || !json.Valid(w.Body.Bytes()) {
		t.Errorf("a member gets %d %s", w.Code, w.Body)
	}
}

// TestTicketRefused: no ticket is made for those who may not have one.
func TestTicketRefused(t *testing.T) {
	for name, test := range map[string]struct {
		method, path, secret string
		o                    relay.Options
		status               int
	}{
		"private, without permission":      {path: "members/", o: relay.Options{Private: true}, status: http.StatusForbidden},
		"private, with a wrong token":      {path: "members/", secret: "wrong", o: relay.Options{Private: true}, status: http.StatusForbidden},
		"private, not relayed":             {path: "members/", secret: publishertest.Secret, status: http.StatusNotImplemented},
		"private, not relayed, no secret":  {path: "members/", status: http.StatusForbidden}, // it tells nothing of the channel
		"of no pattern":                    {path: "match-42/", o: relay.Options{Channels: []string{"x-*"}}, status: http.StatusNotImplemented},
		"no such channel":                  {path: "nowhere/", status: http.StatusNotFound},
		"no such channel, not relayed":     {path: "nowhere/", o: relay.Options{Channels: []string{"x-*"}}, status: http.StatusNotFound},
		"a cursor that is none":            {path: "match-42/?since=x", status: http.StatusBadRequest},
		"another method":                   {method: http.MethodPost, path: "match-42/", status: http.StatusMethodNotAllowed},
		"another method, private":          {method: http.MethodPut, path: "members/", secret: publishertest.Secret, status: http.StatusMethodNotAllowed},
		"a channel's ID that is none":      {path: "a%20b/", status: http.StatusBadRequest},
		"private, with a method that asks": {method: http.MethodHead, path: "members/", o: relay.Options{Private: true}, status: http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			site := publishertest.NewSite(t, nil)
			offered(t, site, test.o, relay.ReaderOptions{Readers: reading}, func(*http.Request, motacilla.ChannelID, bool, time.Time) (*relay.Ticket, error) {
				t.Error("a ticket is made")
				return &relay.Ticket{}, nil
			})
			method := test.method
			if method == "" {
				method = http.MethodGet
			}
			w := ask(site, method, "/live/test/"+test.path, test.secret)
			if w.Code != test.status {
				t.Errorf("%d %s, want %d", w.Code, w.Body, test.status)
			}
			if kind := w.Header().Get("Content-Type"); kind != "application/problem+json" {
				t.Errorf("the answer is of type %q", kind)
			}
		})
	}
}

// TestTicketHead: HEAD is answered over HTTP as GET is, without the body.
func TestTicketHead(t *testing.T) {
	site := publishertest.NewSite(t, nil)
	offered(t, site, relay.Options{}, relay.ReaderOptions{Readers: reading}, ticketFor)
	server := site.Serve(nil)
	resp, err := server.HTTP.Head(server.URL + "/live/test/match-42/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || len(body) > 0 || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s, %q, %v, %v", resp.Status, body, resp.Header, err)
	}
}

// TestTicketExpires: a token ends with the reader's permission, and after an hour at the latest.
func TestTicketExpires(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		grant  time.Time
		atMost time.Duration
	}{
		"for ever": {time.Time{}, time.Hour}, "a day": {now.Add(24 * time.Hour), time.Hour}, "a minute": {now.Add(time.Minute), time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			site := publishertest.NewSite(t, &publishertest.SiteOptions{Authorize: func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) {
				return route.Grant{Expires: test.grant}, nil
			}})
			var expires time.Time
			offered(t, site, relay.Options{Private: true}, relay.ReaderOptions{Readers: reading},
				func(_ *http.Request, _ motacilla.ChannelID, private bool, at time.Time) (*relay.Ticket, error) {
					if expires = at; !private {
						t.Error("the channel is taken for a public one")
					}
					return &relay.Ticket{}, nil
				})
			if w := ask(site, http.MethodGet, "/live/test/members/", ""); w.Code != http.StatusOK {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if expires.Before(now.Add(test.atMost)) && test.grant.IsZero() || expires.After(time.Now().Add(test.atMost)) {
				t.Errorf("the token ends %v from now", time.Until(expires))
			}
			if !test.grant.IsZero() && expires.After(test.grant) {
				t.Errorf("the token ends at %v, and the permission at %v", expires, test.grant)
			}
		})
	}
}

// TestTicketBecomesPrivate: who could read a channel only while it was public gets no ticket for what came after that.
func TestTicketBecomesPrivate(t *testing.T) {
	site := publishertest.NewSite(t, nil)
	offered(t, site, relay.Options{Private: true}, relay.ReaderOptions{Readers: reading}, ticketFor)
	if w := ask(site, http.MethodGet, "/live/test/match-42/", ""); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	site.EditChannel(publishertest.Channel, func(c *motacilla.Channel) { c.Access = motacilla.Private })
	if w := ask(site, http.MethodGet, "/live/test/match-42/", ""); w.Code != http.StatusForbidden {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestNoTickets: without an address for readers there is no route. An address must be one.
func TestNoTickets(t *testing.T) {
	site := publishertest.NewSite(t, nil)
	rl, err := relay.New(&relay.Kit{Feed: site.Feed, Source: site.Source}, &hub{}, nil, relay.Traits{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if routes := rl.TicketRoute("test", &relay.ReaderOptions{}, ticketFor); routes != nil {
		t.Errorf("there are routes: %v", routes)
	}
	if routes := rl.TicketRoute("test", &relay.ReaderOptions{Readers: reading}, ticketFor); len(routes) != 1 || !json.Valid(routes[0].OpenAPI) {
		t.Errorf("the routes are %v", routes)
	}
	for address, valid := range map[string]bool{
		"": true, "https://hub.example": true, "wss://hub.example/x?y": true, "http://hub.example": false, "hub.example": false,
		"https://": false, "https://user:secret@hub.example": false, "%": false,
	} {
		err := relay.CheckReaders(&relay.ReaderOptions{Readers: address}, "https", "wss")
		if (err == nil) != valid || err != nil && !errors.Is(err, motacilla.ErrInvalid) {
			t.Errorf("%q: %v", address, err)
		}
	}
	_ = rl.Shutdown(context.Background())
}
