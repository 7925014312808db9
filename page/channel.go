package page

import (
	_ "embed" // for openapi-transports.json
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// channelView is the data of channel.html.
type channelView struct {
	view

	Channel    motacilla.ChannelID
	Ended      time.Time
	Revision   motacilla.Revision
	Posts      []shownPost // newest first
	Complete   bool
	Older      string // the URL of older posts; empty if there are none
	Past       bool   // the page shows older posts and is not live
	Transports string
	Heartbeat  int64  // ms
	Notify     string // the URL at which browsers ask for notifications; empty if there are none
}

// shownPost is a post of a page, with its HTML.
type shownPost struct {
	motacilla.Render
	HTML template.HTML
}

func (p *Page) channel(w http.ResponseWriter, r *http.Request, e *edition) error {
	id, err := route.ChannelID(r)
	if err != nil {
		return err
	}
	ch, err := p.src.Channel(r.Context(), id)
	if err != nil {
		return err
	}
	data := channelView{
		view: p.view(e, e.spoken.of(id), "channel", ch.Title), Channel: id, Ended: ch.Ended,
		Transports: p.channelPath(id) + "/transports", Heartbeat: p.o.Heartbeat.Milliseconds(),
	}
	if before := r.URL.Query().Get("before"); before != "" {
		err = p.older(r, &data, before)
	} else {
		err = p.newest(r, &data, e)
		data.Notify = p.o.Notifications(id)
	}
	access := ch.Access
	if err == nil && p.o.Readable != nil {
		access, err = p.o.Readable(r, id, data.Revision)
	}
	if err != nil {
		return err
	}
	if data.Title == "" {
		data.Title = string(id)
	}
	cache := "no-cache"
	if access != motacilla.Public {
		cache = "private, no-cache"
	}
	transports := p.o.Transports(id)
	// A 304 keeps the policy that the browser has, so the tag covers it.
	tag := `W/"` + data.Revision.String() + "-" + fingerprint(p.version(e), policy(transports, e.frames), data.Notify) + `"`
	return e.write(w, r, answer{
		at:       p.place(),
		template: "channel.html", data: data, tag: tag, cache: cache, transports: transports, status: http.StatusOK,
	})
}

// olderPage answers with the page of posts before a key.
func (p *Page) olderPage(w http.ResponseWriter, r *http.Request, e *edition) error {
	if r.URL.Query().Get("before") == "" {
		return motacilla.Invalid("before", "must be a time and a post's ID, as in the links to older posts")
	}
	return p.channel(w, r, e)
}

// newest fills in the snapshot. Title and end are those of the snapshot's revision.
func (p *Page) newest(r *http.Request, data *channelView, e *edition) error {
	u, err := p.snapshot(r.Context(), data.Channel)
	if err != nil {
		return err
	}
	data.Revision, data.Complete = u.Revision, u.Complete
	if u.State != nil {
		data.Title, data.Ended = u.State.Title, u.State.Ended
	}
	again, err := p.again(r, data.Channel, e)
	if err != nil {
		return err
	}
	for _, render := range u.Renders { // oldest first
		if render.Show {
			content := render.Content
			if now, ok := again[postRevision{render.ID, render.Revision}]; ok {
				content = now
			}
			data.Posts = append(data.Posts, shownPost{render, safe(content)})
		}
	}
	slices.Reverse(data.Posts)
	if floor := u.Floor(); !floor.IsZero() {
		data.Older = p.olderURL(data.Channel, floor)
	}
	return nil
}

type postRevision struct {
	id       motacilla.PostID
	revision motacilla.Revision
}

// again renders the newest posts once more if the look is under development, because snapshots keep the HTML of before a
// file was changed. Otherwise it returns nothing.
func (p *Page) again(r *http.Request, ch motacilla.ChannelID, e *edition) (map[postRevision]string, error) {
	own, ok := p.o.Renderer.(*Renderer)
	if !ok || own.look != p.o.Look || !p.o.Look.o.Reload {
		return nil, nil
	}
	list, err := p.src.Posts(r.Context(), ch, motacilla.Query{Limit: p.o.PageSize, Visible: true})
	if err != nil {
		return nil, err
	}
	renders := map[postRevision]string{}
	for _, post := range list.Posts {
		html, err := e.renderPost(own.place, ch, e.spoken.of(ch), post)
		if err != nil {
			return nil, err
		}
		renders[postRevision{post.ID, post.Revision}] = html.String()
	}
	return renders, nil
}

// renderPost renders a post of a channel.
func (p *Page) renderPost(ch motacilla.ChannelID, post motacilla.Post) (motacilla.HTML, error) {
	type channelRenderer interface {
		RenderPostIn(ch motacilla.ChannelID, p motacilla.Post) (motacilla.HTML, error)
	}
	if r, ok := p.o.Renderer.(channelRenderer); ok {
		return r.RenderPostIn(ch, post)
	}
	return p.o.Renderer.RenderPost(post)
}

// older fills in the posts before a key.
func (p *Page) older(r *http.Request, data *channelView, before string) error {
	key, err := parseKey(before)
	if err != nil {
		return err
	}
	q := motacilla.Query{Before: key, Limit: p.o.PageSize, Visible: true}
	list, err := p.src.Posts(r.Context(), data.Channel, q)
	if err != nil {
		return err
	}
	data.Past, data.Revision, data.Complete = true, list.Head, !list.More
	for _, post := range list.Posts {
		html := motacilla.Stub(post.ID)
		if content, err := p.renderPost(data.Channel, post); err == nil {
			html = content.String()
		} else {
			p.o.Failed(r, err)
		}
		data.Posts = append(data.Posts, shownPost{
			motacilla.Render{
				ID: post.ID, Show: true, Created: post.Created, Modified: post.Modified, Pinned: post.Pinned,
				Revision: post.Revision,
			},
			safe(html),
		})
	}
	if n := len(list.Posts); list.More && n > 0 {
		data.Older = p.olderURL(data.Channel, list.Posts[n-1].Key())
	}
	return nil
}

func (p *Page) channelPath(ch motacilla.ChannelID) string {
	return place{p.o.Base, p.o.Home}.channel(ch)
}

func (p *Page) olderURL(ch motacilla.ChannelID, key motacilla.PostKey) string {
	before := motacilla.FormatTime(key.Created) + "_" + string(key.ID)
	return p.channelPath(ch) + "?before=" + url.QueryEscape(before)
}

func parseKey(s string) (motacilla.PostKey, error) {
	created, id, _ := strings.Cut(s, "_")
	at, timeErr := time.Parse(motacilla.TimeFormat, created)
	post, idErr := motacilla.ParsePostID(id)
	if timeErr != nil || idErr != nil {
		return motacilla.PostKey{}, motacilla.Invalid("before", "must be a time and a post's ID, as in the links to older posts")
	}
	return motacilla.PostKey{Created: at.UTC(), ID: post}, nil
}

// transportsOpenAPI describes the route of the list of transports.
//
//go:embed openapi-transports.json
var transportsOpenAPI []byte

// transports answers with the list of transports. Scripts ask for it, so errors are problem documents.
func (p *Page) transports(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	id, err := route.ChannelID(r)
	if err == nil {
		_, err = p.src.Channel(r.Context(), id)
	}
	if err != nil {
		route.WriteError(w, r, err)
		return
	}
	list := p.o.Transports(id)
	list = p.below(list, strings.HasSuffix(r.URL.Path, "/"))
	body, err := json.Marshal(map[string][]Transport{"transports": list})
	if err != nil {
		route.WriteError(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// below returns the list with URLs that are right for a client that resolves them against the URL of the list, and for one
// that takes a rooted path for a path of this server: if the server is below a path, they are relative. slash tells
// whether the URL of the list ends in one.
func (p *Page) below(list []Transport, slash bool) []Transport {
	up := "../.."
	if slash {
		up = "../../.."
	}
	out := make([]Transport, len(list))
	for i, t := range list {
		for _, u := range []*string{&t.URL, &t.Many} {
			if p.o.Base != "" && strings.HasPrefix(*u, "/") {
				*u = up + *u
			}
		}
		out[i] = t
	}
	return out
}
