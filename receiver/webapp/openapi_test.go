package webapp_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/openapitest"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// contract is the receiver's description. [serve] compares every exchange of the package's tests with it.
var contract = sync.OnceValues(func() (*openapitest.Contract, error) {
	w := httptest.NewRecorder()
	open := func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) { return route.Grant{}, nil }
	table := route.NewTable()
	if err := table.Add("webapp", "", webapp.New(nil, open, nil).URLs()...); err != nil {
		return nil, err
	}
	table.ServeHTTP(w, httptest.NewRequest("GET", "/api/openapi.json", nil))
	return openapitest.New(w.Body.Bytes())
})

func held(tb testing.TB, h http.Handler) http.Handler {
	tb.Helper()
	c, err := contract()
	if err != nil {
		tb.Fatal(err)
	}
	if _, fuzzing := tb.(*testing.F); fuzzing { // a fuzz test must not fail outside its own t
		return h
	}
	return c.Handler(tb, h)
}

// failing is a sink whose methods all fail.
type failing struct{ err error }

func (f failing) Channel(context.Context, motacilla.ChannelID) (motacilla.Channel, error) {
	return motacilla.Channel{}, f.err
}
func (f failing) Channels(context.Context, motacilla.ChannelID, int) ([]motacilla.Channel, error) {
	return nil, f.err
}
func (f failing) Post(context.Context, motacilla.ChannelID, motacilla.PostID) (motacilla.Post, error) {
	return motacilla.Post{}, f.err
}
func (f failing) PostByMessage(context.Context, motacilla.ChannelID, string) (motacilla.Post, error) {
	return motacilla.Post{}, f.err
}
func (f failing) Posts(context.Context, motacilla.ChannelID, motacilla.Query) (motacilla.Page, error) {
	return motacilla.Page{}, f.err
}
func (f failing) PutChannel(context.Context, motacilla.Channel, motacilla.Revision) (motacilla.Channel, error) {
	return motacilla.Channel{}, f.err
}
func (f failing) DeleteChannel(context.Context, motacilla.ChannelID) (motacilla.Revision, error) {
	return 0, f.err
}
func (f failing) PutPost(context.Context, motacilla.ChannelID, motacilla.Post, motacilla.Revision) (motacilla.Post, error) {
	return motacilla.Post{}, f.err
}
func (f failing) DeletePost(context.Context, motacilla.ChannelID, motacilla.PostID, motacilla.Revision) (motacilla.Revision, error) {
	return 0, f.err
}

const somePost = "019ab000-0000-7000-8000-000000000001"

type operation struct{ method, target, body string }

func (r operation) header() []string {
	if r.target == "/api/media" {
		return []string{"Content-Type", "image/gif"}
	}
	return nil
}

// requests returns a valid request of each operation that reads or writes the store.
var requests = []operation{
	{"GET", "/api/channels", ""}, {"POST", "/api/channels", `{"id":"n"}`},
	{"GET", "/api/channels/c", ""}, {"PATCH", "/api/channels/c", `{}`}, {"DELETE", "/api/channels/c", ""},
	{"GET", "/api/channels/c/posts", ""}, {"POST", "/api/channels/c/posts", `{"text":"x"}`},
	{"GET", "/api/channels/c/posts/" + somePost, ""}, {"PATCH", "/api/channels/c/posts/" + somePost, `{}`},
	{"DELETE", "/api/channels/c/posts/" + somePost, ""}, {"POST", "/api/media", "GIF89a"},
}

// Every operation answers as described if the store fails or a limit refuses.
func TestFaults(t *testing.T) {
	for _, fault := range []struct {
		err    error
		status int
	}{
		{motacilla.ErrUnavailable, 503}, {errors.New("boom"), 500}, {motacilla.ErrNotFound, 404}, {motacilla.ErrConflict, 409},
	} {
		s := serve(t, func(receiver.Sink) receiver.Sink { return failing{fault.err} })
		s.images.fault = fault.err
		for _, r := range requests {
			noChannel := (r.target == "/api/channels" || r.target == "/api/media") && fault.status == 404
			neverConflicts := fault.status == 409 && (r.method == "GET" || r.method == "DELETE" || r.target == "/api/media")
			if !noChannel && !neverConflicts {
				s.want(t, fault.status, r.method, r.target, r.body, r.header()...)
			}
		}
	}
	synctest.Test(t, func(t *testing.T) { // all requests are made in the same second
		limited := serve(t, nil)
		limited.Handler = held(t, route.NewRateLimit(1, &route.RateLimitOptions{Burst: 1}).Handler(limited.Handler))
		limited.do(t, "GET", "/api/channels", "")
		limited.want(t, 429, "GET", "/api/openapi.json", "")
		for _, r := range requests {
			limited.want(t, 429, r.method, r.target, r.body, r.header()...)
		}
	})
}

// The description is served with the app's other routes. A client that has it already gets a 304.
func TestDescriptionIsServed(t *testing.T) {
	s := serve(t, nil)
	a := s.do(t, "GET", "/api/openapi.json", "", "-", "-")
	tag := a.Header().Get("ETag")
	if a.Code != 200 || a.json(t)["openapi"] != "3.1.0" {
		t.Fatalf("%d %s", a.Code, a.Body)
	}
	s.want(t, 304, "GET", "/api/openapi.json", "", "If-None-Match", tag)
	s.want(t, 405, "PUT", "/api/openapi.json", "{}")

	store := memory.New(nil)
	defer store.Close()
	app := webapp.New(store, route.NewToken(secret, store.Channel, nil).Authorize, nil)
	serve := func() string {
		table := route.NewTable()
		if err := table.Add("webapp", "", app.URLs()...); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		table.ServeHTTP(w, httptest.NewRequest("GET", "/api/openapi.json", nil))
		return w.Body.String()
	}
	own := route.Route{Pattern: "/live/own/{channel_id}/", OpenAPI: []byte(`{ "summary": "mine" }`)}
	if err := app.Describe("", own, route.Route{Pattern: "/live/other/{channel_id}/"}); err != nil {
		t.Fatal(err)
	}
	if body := serve(); !strings.Contains(body, `"/live/own/{channel_id}":{"summary":"mine"}`) || strings.Contains(body, "/live/other") {
		t.Errorf("described: %s", body)
	}
	if err := app.Describe("", route.Route{Name: "bad", Pattern: "/x", OpenAPI: []byte("{")}); err == nil {
		t.Error("a description that is no JSON was taken")
	}
}

// The description's limits are those of the domain, and input at the limit is accepted.
func TestLimits(t *testing.T) {
	s := serve(t, nil)
	long := func(n int) string { return strings.Repeat("x", n) }
	id := long(motacilla.MaxID)
	s.want(t, 201, "POST", "/api/channels", `{"id":"`+id+`","title":"`+long(motacilla.MaxTitle)+`","access":"private"}`)
	posts := "/api/channels/" + id + "/posts"
	s.want(t, 201, "POST", posts, `{"text":"`+long(motacilla.MaxText)+`","author":"`+id+`","message_id":"`+id+`","created":"0001-01-01T00:00:01Z"}`)
	image, err := json.Marshal(map[string]any{"content": []any{map[string]any{"type": "image", "value": map[string]any{
		"url": "https://e.example/" + long(motacilla.MaxURL-len("https://e.example/")), "alt": long(motacilla.MaxAlt),
		"width": motacilla.MaxPixels, "height": motacilla.MaxPixels,
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	s.want(t, 201, "POST", posts, string(image), "Idempotency-Key", id[1:])
	text := `{"type":"text","value":{"text":"x"}}`
	s.want(t, 201, "POST", posts, `{"content":[`+strings.Repeat(text+",", motacilla.MaxBlocks-1)+text+`]}`)
	s.want(t, 201, "POST", posts, `{"content":[{"type":"score","value":{"home":"A","away":"B","home_score":"2","away_score":"1","note":"67'"}}]}`)
	again := s.want(t, 201, "POST", posts, `{"text":"x"}`)["id"].(string)
	changed := s.want(t, 200, "PATCH", posts+"/"+again,
		`{"content":[`+text+`],"created":"9999-12-31T23:59:59Z","key_event":true,"author":"`+id+`"}`)
	if changed["created"] != "9999-12-31T23:59:59.000000Z" || changed["key_event"] != true {
		t.Errorf("changed %v", changed)
	}
	s.want(t, 200, "PATCH", "/api/channels/"+id, `{"access":"public","title":"`+long(motacilla.MaxTitle)+`"}`)
	s.want(t, 200, "GET", posts+"?limit=100", "")
	s.want(t, 200, "GET", "/api/channels?limit=1", "")

	var d struct {
		Components struct {
			Schemas map[string]struct {
				MaxLength, MaxItems int
				Properties          map[string]struct {
					MaxLength, Maximum int
					Properties         map[string]struct{ MaxLength, Maximum int }
				}
			}
		}
	}
	if err := json.Unmarshal(s.do(t, "GET", "/api/openapi.json", "").Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	of := d.Components.Schemas
	value := of["ImageBlock"].Properties["value"].Properties
	for _, c := range []struct {
		name      string
		got, want int
	}{
		{"channel's id", of["ChannelID"].MaxLength, motacilla.MaxID},
		{"title", of["ChannelInput"].Properties["title"].MaxLength, motacilla.MaxTitle},
		{"title in a patch", of["ChannelPatch"].Properties["title"].MaxLength, motacilla.MaxTitle},
		{"author", of["PostInput"].Properties["author"].MaxLength, motacilla.MaxID},
		{"author in a patch", of["PostPatch"].Properties["author"].MaxLength, motacilla.MaxID},
		{"message_id", of["PostInput"].Properties["message_id"].MaxLength, motacilla.MaxID},
		{"blocks", of["Content"].MaxItems, motacilla.MaxBlocks},
		{"text of a block", of["TextBlock"].Properties["value"].Properties["text"].MaxLength, motacilla.MaxText},
		{"url", of["URL"].MaxLength, motacilla.MaxURL},
		{"alt", value["alt"].MaxLength, motacilla.MaxAlt},
		{"width", value["width"].Maximum, motacilla.MaxPixels},
		{"height", value["height"].Maximum, motacilla.MaxPixels},
		{"srcset", value["srcset"].MaxLength, motacilla.MaxURL},
		{"card's title", of["Card"].Properties["title"].MaxLength, motacilla.MaxCardTitle},
		{"card's summary", of["Card"].Properties["summary"].MaxLength, motacilla.MaxCardSummary},
		{"card's provider", of["Card"].Properties["provider"].MaxLength, motacilla.MaxID},
	} {
		if c.got != c.want {
			t.Errorf("the description limits the %s to %d, the domain to %d", c.name, c.got, c.want)
		}
	}
}

// The package's tests cover every operation, status, header, parameter and property that the description has. [serve]
// checks that what they do is as described.
func TestDescription(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"channels": TestChannels, "private channels": TestPrivateChannelsAreLeftOut, "posts": TestPosts, "listing": TestListing,
		"refusals": TestWritingIsRefusedBeforeTheBodyIsRead, "bad input": TestBadInput, "faults": TestFaults,
		"limits": TestLimits, "described": TestDescriptionIsServed, "images": TestImages, "forms": TestForms,
		"refused images": TestRefusedImages, "image blocks": TestImageBlocks, "what was read": TestWrittenBack,
	} {
		t.Run(name, test)
	}
	c, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	for _, unseen := range c.Unseen("/api/") {
		t.Errorf("described, and by no test seen: %s", unseen)
	}
}
