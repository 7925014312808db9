package page

import (
	"context"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// Source is what pages read: the part of a store that they need, with the contract of storage.Reader.
type Source interface {
	Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error)
	Channels(ctx context.Context, after motacilla.ChannelID, limit int) ([]motacilla.Channel, error)
	Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error)
}

// Transport is one way to get a channel's updates. A relative URL is resolved against that of the list.
type Transport struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// Options are a page's settings; nil and zero fields mean the defaults.
type Options struct {
	// Transports lists what a channel's readers are offered, in the order in which the browser tries it; nil offers
	// nothing, and pages stay as they were served.
	Transports func(ch motacilla.ChannelID) []Transport
	// SignIn lets the browser in that sends the right token, or returns an ErrForbidden. nil leaves signing in out.
	SignIn func(w http.ResponseWriter, r *http.Request, token string) error
	// Readable is asked before a page is sent, with the head that it was read at: who may read the channel then, and an
	// ErrForbidden where that is not the reader any more, as publisher.Feed's method of this name. nil asks nobody.
	Readable func(r *http.Request, ch motacilla.ChannelID, head motacilla.Revision) (motacilla.Access, error)

	Listing   *route.Listing // of channels; nil is one whose positions only this process can read
	Heartbeat time.Duration  // how often streams say that they live; 15 s
	Name      string         // of the site; "Motacilla"
	PageSize  int            // posts on a page of older posts; 50
	Renderer  PostRenderer   // of older posts, the same as the snapshot's; NewRenderer()
}

// PostRenderer turns a post into its HTML, as publisher.Renderer does.
type PostRenderer interface {
	RenderPost(p motacilla.Post) (string, error)
}

// Page serves live pages.
type Page struct {
	src      Source
	snapshot func(ctx context.Context, ch motacilla.ChannelID) (*motacilla.Update, error)
	o        Options
	assets   *assets
	pages    *templates
}

// New returns the pages of src. snapshot returns a channel's newest page, a reset with its renders oldest first; its
// error is ErrNotFound where there is no such channel.
func New(src Source, snapshot func(context.Context, motacilla.ChannelID) (*motacilla.Update, error), o *Options) *Page {
	p := &Page{src: src, snapshot: snapshot, assets: newAssets()}
	if o != nil {
		p.o = *o
	}
	if p.o.Transports == nil {
		p.o.Transports = func(motacilla.ChannelID) []Transport { return nil }
	}
	if p.o.Listing == nil {
		p.o.Listing = route.NewListing("")
	}
	if p.o.Heartbeat <= 0 {
		p.o.Heartbeat = 15 * time.Second
	}
	if p.o.Name == "" {
		p.o.Name = "Motacilla"
	}
	if p.o.PageSize <= 0 {
		p.o.PageSize = motacilla.DefaultLimit
	}
	if p.o.Renderer == nil {
		p.o.Renderer = NewRenderer()
	}
	p.pages = newTemplates(p.assets)
	return p
}

// URLs returns the routes: the index, channels with their transports, signing in and assets. Those with {channel_id}
// are for readers and want a guard.
func (p *Page) URLs() []route.Route {
	get := func(h func(w http.ResponseWriter, r *http.Request) error) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				w.Header().Set("Allow", "GET, HEAD")
				p.fail(w, r, http.StatusMethodNotAllowed, "")
				return
			}
			if err := h(w, r); err != nil {
				p.refuse(w, r, err)
			}
		})
	}
	return []route.Route{
		{Name: "page-index", Pattern: "/", Handler: get(p.index)},
		{Name: "page", Pattern: "/channels/{channel_id}", Handler: get(p.channel), Refuse: p.refuse},
		{Name: "page-transports", Pattern: "/channels/{channel_id}/transports", Handler: http.HandlerFunc(p.transports),
			OpenAPI: transportsOpenAPI},
		{Name: "page-sign-in", Pattern: "/sign-in", Handler: p.signIn()},
		{Name: "page-assets", Pattern: "/assets/{file}", Handler: http.HandlerFunc(p.assets.serve)},
	}
}
