package history

import (
	"context"
	_ "embed" // for openapi.json
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/byline"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/route"
)

// openAPI describes the routes of [History.URLs], by their paths.
//
//go:embed openapi.json
var openAPI []byte

// URLs returns the routes post-versions, post-version and post-restore.
func (h *History) URLs() []route.Route {
	var described map[string]jsontext.Value
	if err := json.Unmarshal(openAPI, &described); err != nil {
		panic(err) // a test reads it too
	}
	at := func(name, path, method string, serve func(http.ResponseWriter, *http.Request, motacilla.ChannelID) error) route.Route {
		path = "/api/channels/{channel_id}/posts/{post_id}/versions" + path
		return route.Route{
			Name: name, Pattern: path, OpenAPI: described[path],
			Handler: h.api.Handler(rest.Method{Name: method, Action: route.Write, Serve: serve}),
		}
	}
	return []route.Route{
		at("post-versions", "", http.MethodGet, h.list),
		at("post-version", "/{revision}", http.MethodGet, h.get),
		at("post-restore", "/{revision}/restore", http.MethodPost, h.restore),
	}
}

// How many versions a page has.
const (
	defaultPage = 20
	mostPage    = 100
)

// entryJSON is a version in the list.
type entryJSON struct {
	Revision motacilla.Revision `json:"revision"`
	At       string             `json:"at"`
	Who      string             `json:"who"`
	Name     string             `json:"name"`
	Approved *byline.Person     `json:"approved_by"`
	Current  bool               `json:"current"`
	Removed  bool               `json:"removed"`
	Changes  []string           `json:"changes"`
	Diff     string             `json:"diff"`
}

type listJSON struct {
	Versions []entryJSON `json:"versions"`
	Next     *string     `json:"next"`
}

func (h *History) list(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	id, err := motacilla.ParsePostID(r.PathValue("post_id"))
	if err != nil {
		return err
	}
	before, limit, err := pageOf(r)
	if err != nil {
		return err
	}
	all, current, err := h.versions(r.Context(), ch, id, before, limit+1)
	if err != nil {
		return err
	}
	if len(all) == 0 && before == 0 {
		return fmt.Errorf("post %q: %w", id, motacilla.ErrNotFound)
	}
	out := listJSON{Versions: []entryJSON{}}
	for n, v := range all {
		if n == limit {
			next := all[n-1].Revision.String()
			out.Next = &next
			break
		}
		e := entryJSON{
			Revision: v.Revision, At: motacilla.FormatTime(v.Revision.Time()), Who: v.By.Who, Name: v.By.Name, Approved: some(v.Approved),
			Current: v.Revision == current, Removed: v.Removed, Changes: []string{},
		}
		if !v.Removed {
			old := v.Post // nothing is known of what was before the oldest one
			if n+1 < len(all) && !all[n+1].Removed {
				old = all[n+1].Post
			}
			e.Changes, e.Diff = changes(old, v.Post), diff(old.Content, v.Post.Content)
		}
		out.Versions = append(out.Versions, e)
	}
	return rest.Write(w, http.StatusOK, out)
}

// some returns a person as JSON has it: null if nobody is known.
func some(p byline.Person) *byline.Person {
	if p == (byline.Person{}) {
		return nil
	}
	return &p
}

func pageOf(r *http.Request) (before motacilla.Revision, limit int, err error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return 0, 0, motacilla.Invalid("query", "must be percent-encoded")
	}
	limit = defaultPage
	for _, name := range []string{"before", "limit"} {
		if len(q[name]) > 1 {
			return 0, 0, motacilla.Invalid(name, "must be given at most once")
		}
	}
	if q.Has("limit") {
		if limit, err = strconv.Atoi(q.Get("limit")); err != nil || limit < 1 || limit > mostPage {
			return 0, 0, motacilla.Invalid("limit", "must be 1 to %d", mostPage)
		}
	}
	if q.Has("before") {
		if before, err = motacilla.ParseRevision(q.Get("before")); err != nil || before == 0 {
			return 0, 0, motacilla.Invalid("before", "must be the next of another page")
		}
	}
	return before, limit, nil
}

// versions returns at most limit versions of a post that are older than before, the newest first, and the revision of the one that is
// current. It leaves out those that differ from the one before only in what the server fills in.
func (h *History) versions(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, before motacilla.Revision, limit int,
) (list []version, current motacilla.Revision, err error) {
	p, err := h.site.Store.Post(ctx, ch, id)
	switch {
	case err == nil:
		current = p.Revision
		if before == 0 || current < before {
			list = append(list, version{Revision: p.Revision, Post: p})
		}
	case !errors.Is(err, motacilla.ErrNotFound):
		return nil, 0, err
	}
	now := current
	err = h.each(ctx, ch, id, before, func(one kept) (bool, error) {
		if one.Revision > now && now != 0 {
			return true, nil // it was written after the post was read
		}
		if last := len(list) - 1; last >= 0 && same(list[last], one.version) {
			if list[last].Revision == current {
				current = one.Revision
			}
			list[last] = one.version
			return true, nil
		}
		list = append(list, one.version)
		return len(list) < limit+1, nil // one more, which may be the same as the last
	})
	return list[:min(limit, len(list))], current, err
}

// same reports whether readers take the versions next and old for the same.
func same(next, old version) bool {
	if next.Removed || old.Removed {
		return next.Revision == old.Revision
	}
	return len(changes(old.Post, next.Post)) == 0
}

// version returns a version, which may be the current one.
func (h *History) version(ctx context.Context, ch motacilla.ChannelID, r *http.Request) (version, error) {
	id, err := motacilla.ParsePostID(r.PathValue("post_id"))
	if err != nil {
		return version{}, err
	}
	revision, err := motacilla.ParseRevision(r.PathValue("revision"))
	if err != nil || revision == 0 {
		return version{}, motacilla.Invalid("revision", "must be that of a version")
	}
	one, err := h.read(ctx, ch, id, revision)
	if errors.Is(err, motacilla.ErrNotFound) {
		var p motacilla.Post
		if p, err = h.site.Store.Post(ctx, ch, id); err == nil && p.Revision != revision {
			err = motacilla.ErrNotFound
		}
		one.version = version{Revision: revision, Post: p}
	}
	if err != nil {
		return version{}, fmt.Errorf("revision %d of post %q: %w", revision, id, err)
	}
	return one.version, nil
}

// oneJSON is a version with its post.
type oneJSON struct {
	Revision motacilla.Revision `json:"revision"`
	At       string             `json:"at"`
	Who      string             `json:"who"`
	Name     string             `json:"name"`
	Approved *byline.Person     `json:"approved_by"`
	Removed  bool               `json:"removed"`
	Post     *postJSON          `json:"post"`
}

func (h *History) get(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) error {
	v, err := h.version(r.Context(), ch, r)
	if err != nil {
		return err
	}
	out := oneJSON{
		Revision: v.Revision, At: motacilla.FormatTime(v.Revision.Time()), Who: v.By.Who, Name: v.By.Name, Approved: some(v.Approved),
		Removed: v.Removed,
	}
	if !v.Removed {
		if out.Post, err = encodePost(ch, v.Post); err != nil {
			return err
		}
	}
	return rest.Write(w, http.StatusOK, out)
}
