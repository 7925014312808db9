package compose_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/compose"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/internal/openapitest"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/media"
	mediamemory "github.com/motacilla-live/motacilla/media/memory"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const secret = "a token of the tests"

// rig is a live site with a desk, a library of images and the REST interface.
type rig struct {
	*testing.T
	*live.Live
	store   *memory.Store
	pages   *pages
	handler http.Handler
	bearer  string
}

// pages are embedded pages of which one is known. Nothing is looked up.
type pages struct {
	mu    sync.Mutex
	later []string // what is to be looked up, after the post's ID
}

const knownPage = "https://video.example/1"

func (*pages) Card(_ context.Context, url string) (motacilla.Card, bool) {
	if url != knownPage {
		return motacilla.Card{}, false
	}
	return motacilla.Card{Provider: "Video", Title: "The goal"}, true
}

func (p *pages) Later(_ context.Context, _ motacilla.ChannelID, id motacilla.PostID, url string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.later = append(p.later, string(id)+" "+url)
	return nil
}

func (*pages) URLs() []route.Route            { return nil }
func (*pages) Start(context.Context) error    { return nil }
func (*pages) Shutdown(context.Context) error { return nil }

// open starts a site. set changes its options, and may be nil.
func open(t *testing.T, desk *compose.Options, set func(*live.Options)) *rig {
	t.Helper()
	r := &rig{T: t, store: memory.New(nil), pages: &pages{}, bearer: secret}
	t.Cleanup(func() { _ = r.store.Close() })
	for id, access := range map[motacilla.ChannelID]motacilla.Access{"match": motacilla.Public, "members": motacilla.Private} {
		if _, err := r.store.PutChannel(t.Context(), motacilla.Channel{ID: id, Title: "The match", Access: access}, 0); err != nil {
			t.Fatal(err)
		}
	}
	library, err := media.NewLibrary(mediamemory.New(), r.store.Records(), nil)
	if err != nil {
		t.Fatal(err)
	}
	o := live.Options{Store: r.store, Token: secret, Library: library, Embeds: r.pages}
	o.Receivers = func(p *live.Parts) []receiver.Receiver {
		d, err := compose.New(p.Page, p.Kit(), p.Authorize, desk)
		if err != nil {
			t.Fatal(err)
		}
		return []receiver.Receiver{webapp.New(p.Sink(), p.Authorize, &webapp.Options{Images: p.Kit().Images}), d}
	}
	if set != nil {
		set(&o)
	}
	if r.Live, err = live.New(o); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	r.handler = r.Live
	return r
}

// hub is a publisher whose readers connect to another server.
type hub struct{ publisher.Publisher }

func (h hub) URLs() []route.Route {
	routes := h.Publisher.URLs()
	routes[0].Connect = []string{"https://hub.example/x"}
	return routes
}

func hubs(p *live.Parts) []publisher.Publisher {
	return []publisher.Publisher{hub{polling.NewInterval(p.Feed, nil)}}
}

// described checks every exchange of the REST interface against the description that the site serves.
func (r *rig) described() *openapitest.Contract {
	r.Helper()
	doc := r.do(http.MethodGet, "/api/openapi.json", "")
	c, err := openapitest.New(doc.Body.Bytes())
	if err != nil {
		r.Fatal(err)
	}
	r.handler = c.Handler(r.T, r.Live)
	return c
}

// do makes a request with the token. headers are pairs.
func (r *rig) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r.Helper()
	q := httptest.NewRequest(method, path, strings.NewReader(body))
	if r.bearer != "" {
		q.Header.Set("Authorization", "Bearer "+r.bearer)
	}
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, q)
	return w
}

// preview returns the HTML of a preview.
func (r *rig) preview(body string) string {
	r.Helper()
	w := r.do(http.MethodPost, "/api/channels/match/preview", body)
	var out struct{ HTML string }
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != http.StatusOK {
		r.Fatalf("preview of %.200s: %d %s (%v)", body, w.Code, w.Body, err)
	}
	return out.HTML
}

// upload keeps an image, and returns its ID.
func (r *rig) upload(key string) string {
	r.Helper()
	var body bytes.Buffer
	if err := png.Encode(&body, image.NewGray(image.Rect(0, 0, 40, 20))); err != nil {
		r.Fatal(err)
	}
	w := r.do(http.MethodPost, "/api/media", body.String(), "Content-Type", "image/png", "Idempotency-Key", key)
	var out struct{ ID string }
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || out.ID == "" {
		r.Fatalf("upload: %d %s (%v)", w.Code, w.Body, err)
	}
	return out.ID
}

// read returns what a body of an answer has.
func read(w *httptest.ResponseRecorder) string {
	body, _ := io.ReadAll(w.Result().Body)
	return string(body)
}
