package history_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/history"
	"github.com/motacilla-live/motacilla/internal/drafted"
	"github.com/motacilla-live/motacilla/internal/openapitest"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/media"
	mediamemory "github.com/motacilla-live/motacilla/media/memory"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/drafts"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// contract is the description that the first site serves. All exchanges of the package's tests are compared with it.
var contract struct {
	sync.Mutex
	*openapitest.Contract
}

// site is a live site with a history, webapp and images.
type site struct {
	testing.TB
	*live.Live
	handler http.Handler
	store   storage.Store
	history *history.History
	library *media.Library
}

// holders are who may write: the name is the token. admin may do everything.
var holders = func() map[string]*route.Holder {
	all := map[string]*route.Holder{}
	for _, name := range []string{"anna", "bob", "admin", "reader"} {
		all[name], _ = route.NewHolder("test/"+name, "person/"+name, strings.ToUpper(name[:1])+name[1:])
	}
	return all
}()

func hook(r *http.Request, _ motacilla.ChannelID, action route.Action) (route.Grant, error) {
	name := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case action == route.Read:
		return route.Grant{}, nil
	case holders[name] == nil:
		return route.Grant{}, motacilla.ErrUnauthorized
	case name == "reader", action == route.Manage && name != "admin":
		return route.Grant{}, motacilla.ErrForbidden
	}
	return route.Grant{Holder: holders[name]}, nil
}

func open(tb testing.TB, store storage.Store, o *history.Options) *site {
	tb.Helper()
	if store == nil {
		held := memory.New(nil)
		tb.Cleanup(func() { _ = held.Close() })
		store = held
	}
	s := &site{TB: tb, store: store, history: history.New(store.Records(), o)}
	s.history.Patient(patience)
	var err error
	if s.library, err = media.NewLibrary(mediamemory.New(), store.Records(), nil); err != nil {
		tb.Fatal(err)
	}
	in := func(ctx context.Context, use func(id string)) error {
		return s.history.Blocks(ctx, func(b motacilla.Block) { media.UsesOf(b, use) })
	}
	s.Live, err = live.New(live.Options{
		Store: store, Authorize: hook, History: s.history,
		Library: media.WithCollector{Library: s.library, Collector: media.NewCollector(s.library, store, in, drafted.Images(store.Records(), media.UsesOf))},
		Receivers: func(p *live.Parts) []receiver.Receiver {
			return []receiver.Receiver{
				webapp.New(p.Sink(), p.Authorize, &webapp.Options{Images: p.Kit().Images}), drafts.New(p.Kit(), p.Authorize, nil),
			}
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	if _, err := store.PutChannel(tb.Context(), motacilla.Channel{ID: "c"}, 0); err != nil && !errors.Is(err, motacilla.ErrExists) {
		tb.Fatal(err) // another node may have made it
	}
	contract.Lock()
	defer contract.Unlock()
	if contract.Contract == nil {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/openapi.json", nil))
		if contract.Contract, err = openapitest.New(w.Body.Bytes()); err != nil {
			tb.Fatal(err)
		}
	}
	s.handler = contract.Handler(tb, s.Live)
	return s
}

// do sends a request of somebody, and decodes the answer into out, unless out is nil.
func (s *site) do(want int, who, method, path, body string, out any, header ...string) http.Header {
	s.Helper()
	r := httptest.NewRequest(method, "/api/channels/c"+path, strings.NewReader(body)).WithContext(s.Context())
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+who)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code != want {
		s.Fatalf("%s %s: %d %s, want %d", method, path, w.Code, w.Body, want)
	}
	if out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			s.Fatal(err)
		}
	}
	return w.Header()
}

type posted struct {
	ID       motacilla.PostID
	Author   string
	Revision motacilla.Revision
	Pinned   bool
	Content  []motacilla.RawBlock
}

func (p posted) text() string { return p.Content[0].Text }

type entry struct {
	Revision         motacilla.Revision
	Who, Name, Diff  string
	Current, Removed bool
	Changes          []string
	Approved         struct{ Who, Name string } `json:"approved_by"`
}

func (e entry) String() string {
	return fmt.Sprintf("%s %v %v %v %q", e.Who, e.Current, e.Removed, e.Changes, e.Diff)
}

type listed struct {
	Versions []entry
	Next     *string
}

// post makes a post of somebody.
func (s *site) post(who, body string) posted {
	s.Helper()
	var p posted
	s.do(http.StatusCreated, who, http.MethodPost, "/posts", body, &p)
	return p
}

func (s *site) edit(who string, id motacilla.PostID, body string) posted {
	s.Helper()
	var p posted
	s.do(http.StatusOK, who, http.MethodPatch, "/posts/"+string(id), body, &p)
	return p
}

func (s *site) versions(id motacilla.PostID, query string) listed {
	s.Helper()
	var l listed
	s.do(http.StatusOK, "anna", http.MethodGet, "/posts/"+string(id)+"/versions"+query, "", &l)
	return l
}

// left returns the keys of all records of a namespace.
func (s *site) left(namespace string) (keys []string) {
	s.Helper()
	list, err := s.store.Records().List(s.Context(), namespace, "", "", 1000)
	if err != nil {
		s.Fatal(err)
	}
	for _, r := range list {
		keys = append(keys, r.Key)
	}
	return keys
}

// picture adds an image, and returns it as a block in JSON.
func (s *site) picture(id string) string {
	s.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		s.Fatal(err)
	}
	if _, err := s.library.Add(s.Context(), id, io.Reader(&file)); err != nil {
		s.Fatal(err)
	}
	return `{"type":"image","value":{"media":"` + id + `","alt":"x"}}`
}

// as returns a context of a request of somebody.
func as(ctx context.Context, who string) context.Context {
	r := httptest.NewRequest(http.MethodPost, "/", nil).WithContext(ctx)
	return route.WithGrant(r, route.Grant{Holder: holders[who]}).Context()
}
