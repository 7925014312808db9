package drafts

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/byline"
	"github.com/motacilla-live/motacilla/internal/openapitest"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// contract is the description of the routes. The rig compares every exchange with it.
var contract = sync.OnceValues(func() (*openapitest.Contract, error) {
	store := memory.New(nil)
	app := webapp.New(store, hook, nil)
	d := New(&receiver.Kit{Sink: store, Records: store.Records()}, hook, nil)
	if err := app.Describe("", d.URLs()...); err != nil {
		return nil, err
	}
	table := route.NewTable()
	if err := table.Add("webapp", "", app.URLs()...); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/api/openapi.json", nil)
	r.Header.Set("Authorization", "Bearer editor-x")
	table.ServeHTTP(w, r)
	return openapitest.New(w.Body.Bytes())
})

// hook knows the credentials ROLE NAME, in which ROLE is contributor or editor. A contributor named nobody has no account.
func hook(r *http.Request, _ motacilla.ChannelID, action route.Action) (route.Grant, error) {
	role, name, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), "-")
	may := action == route.Read || role == "editor" && action != route.Manage || role == "contributor" && action == route.Draft
	switch {
	case role == "":
		return route.Grant{}, motacilla.ErrUnauthorized
	case !may:
		return route.Grant{}, motacilla.ErrForbidden
	case name == "nobody":
		return route.Grant{}, nil
	}
	return route.Grant{Holder: &route.Holder{ID: name, Who: "person/" + name, Name: strings.ToUpper(name)}}, nil
}

// rig is a node with a memory store.
type rig struct {
	*testing.T
	store   storage.Store
	drafts  *Drafts
	handler http.Handler
}

func open(t *testing.T, images receiver.Images) *rig {
	t.Helper()
	store := memory.New(nil)
	if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: "match"}, 0); err != nil {
		t.Fatal(err)
	}
	s := &rig{T: t, store: store, drafts: New(&receiver.Kit{Sink: store, Records: store.Records(), Images: images}, hook, nil)}
	table := route.NewTable()
	if err := table.Add("drafts", "", s.drafts.URLs()...); err != nil {
		t.Fatal(err)
	}
	c, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	s.handler = c.Handler(t, table)
	return s
}

// as returns a client that shows a credential. headers are added to its requests.
func (s *rig) as(who string, headers ...string) *client { return &client{s, who, headers} }

type client struct {
	*rig
	who     string
	headers []string
}

const all = "/api/channels/match/drafts"

// do sends a request. Its path is below the channel's drafts; one that begins with // is below all channels.
func (c *client) do(method, path, body string) *httptest.ResponseRecorder {
	target, elsewhere := strings.CutPrefix(path, "//")
	if target = "/api/channels/" + target; !elsewhere {
		target = all + path
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.who != "" {
		r.Header.Set("Authorization", "Bearer "+c.who)
	}
	for i := 0; i < len(c.headers); i += 2 {
		r.Header.Set(c.headers[i], c.headers[i+1])
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return w
}

// answer is what the tests look at.
type answer struct {
	ID, State, Note, Post, Author, Edits, Field, Detail, At, Next string
	Base                                                          int64
	Created                                                       string
	Pinned                                                        bool
	By                                                            byline.Person
	Approved                                                      byline.Person `json:"approved_by"`
	Content                                                       []motacilla.RawBlock
	Drafts                                                        []answer
	etag, location                                                string
}

func (a answer) text() string {
	var all []string
	for _, b := range a.Content {
		all = append(all, b.Text)
	}
	return strings.Join(all, "|")
}

func (c *client) want(status int, method, path, body string) answer {
	c.Helper()
	w := c.do(method, path, body)
	if w.Code != status {
		c.Fatalf("%s as %s %s %s: %d, want %d: %s", c.who, method, path, body, w.Code, status, w.Body)
	}
	var a answer
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
			c.Fatal(err)
		}
	}
	a.etag, a.location = w.Header().Get("ETag"), w.Header().Get("Location")
	return a
}

// add writes a draft, and returns its path.
func (c *client) add(body string) string {
	c.Helper()
	return "/" + c.want(201, "POST", "", body).ID
}

// posts returns the texts of the channel's posts, the oldest first.
func (s *rig) posts() []string {
	s.Helper()
	page, err := s.store.Posts(s.Context(), "match", motacilla.Query{})
	if err != nil {
		s.Fatal(err)
	}
	var texts []string
	for _, p := range page.Posts {
		text := ""
		for _, b := range p.Content {
			text += b.Text.String()
		}
		texts = append([]string{text}, texts...)
	}
	return texts
}

func (s *rig) wantPosts(want ...string) {
	s.Helper()
	if got := s.posts(); fmt.Sprint(got) != fmt.Sprint(want) {
		s.Errorf("posts: %q, want %q", got, want)
	}
}

// due counts the entries.
func (s *rig) due() int {
	s.Helper()
	list, err := s.store.Records().List(s.Context(), dueNamespace, "", "", 0)
	if err != nil {
		s.Fatal(err)
	}
	return len(list)
}

// rounds makes rounds at a time.
func (s *rig) rounds(n int, at time.Time) {
	s.Helper()
	s.drafts.now = func() time.Time { return at }
	for range n {
		if _, err := s.drafts.round(s.Context()); err != nil {
			s.Fatal(err)
		}
	}
}

func in(d time.Duration) string {
	return fmt.Sprintf(`{"at":%q}`, time.Now().Add(d).UTC().Format(time.RFC3339Nano))
}
