package page

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// Source is the part of a store that pages read. Its methods have the contract of storage.Reader.
type Source interface {
	Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error)
	Channels(ctx context.Context, after motacilla.ChannelID, limit int) ([]motacilla.Channel, error)
	Posts(ctx context.Context, ch motacilla.ChannelID, q motacilla.Query) (motacilla.Page, error)
}

// Transport is an entry in the list of transports. Clients resolve a relative URL against the URL of the list.
type Transport struct {
	Name string `json:"name"`
	URL  string `json:"url"`
	Many string `json:"many,omitempty"` // the URL for several channels at once; empty if the transport has none
	// Connect has the URLs of other servers to which the transport connects, such as a hub. The page's policy allows them.
	Connect []string `json:"-"`
}

// Options are the settings of a Page. nil and zero fields mean the defaults.
type Options struct {
	// Transports returns the transports of a channel, in the order in which browsers must try them. nil means none: a page
	// then stays as it was served.
	Transports func(ch motacilla.ChannelID) []Transport
	// Notifications returns the URL on this server at which browsers subscribe to the notifications of a channel, as package
	// publisher/webpush serves it; empty means that the channel has none. nil means that no channel has any.
	Notifications func(ch motacilla.ChannelID) string
	// SignIn must sign the browser in if token is right, and must return an ErrForbidden otherwise. nil means that private pages
	// have no form for a token.
	SignIn func(w http.ResponseWriter, r *http.Request, token string) error
	// SignInEditor is called instead of SignIn if the form was shown in the place of a page that is not for readers, such as the
	// desk of package compose. nil means that SignIn is called.
	SignInEditor func(w http.ResponseWriter, r *http.Request, token string) error
	// SignInURL is the page for signing in, such as /sign-in. The answer to a reader that may not read a page links to it, and has
	// no form for a token, whatever SignIn is. The link has the query next: the path of that page, to which signing in should lead
	// back. Empty means no link.
	SignInURL string
	// Readable is called before a page is sent. head is the channel's head when the page was read. Readable must return the
	// channel's access at that head, or an ErrForbidden if the reader may not read the channel then. publisher.Feed has
	// such a method. nil means that there is no check.
	Readable func(r *http.Request, ch motacilla.ChannelID, head motacilla.Revision) (motacilla.Access, error)

	// Base is the path below which the pages are mounted, such as /news/live; empty is the root of the server.
	Base string
	// Home is where the name of the site leads, and the link of a page that shows an error. The default is the index, or / if
	// there is none.
	Home       string
	NoChannels bool // no page for a channel, and no signing in; for pages of the app's own, lists of transports, older posts and assets stay
	NoIndex    bool // no list of channels

	Listing   *route.Listing // makes the pages of the index; the default is route.NewListing("")
	Heartbeat time.Duration  // the longest time between two messages of a stream; the default is 15 s
	Name      string         // the name of the site; the default is "Motacilla"
	PageSize  int            // the number of posts on a page of older posts; the default is 50
	Look      *Look          // templates, styles and languages; the default is the look without options
	Renderer  PostRenderer   // renders older posts; must be the one that renders snapshots; the default is that of Look

	// Failed is called if a page or a post can't be shown because of an error that is the site's own, such as one of a
	// template. Readers do not see the error. nil ignores it.
	Failed func(r *http.Request, err error)
}

// PostRenderer renders a post as HTML. It has the contract of publisher.Renderer. A renderer may also have the method
// RenderPostIn of a publisher.ChannelRenderer, and the method of Versioned.
type PostRenderer interface {
	RenderPost(p motacilla.Post) (motacilla.HTML, error)
}

// Versioned is an optional ability of a PostRenderer of an app's own.
type Versioned interface {
	// Version must return another text for each change of the renderer that changes its HTML, such as the version of the
	// app. Browsers that have a page of before then get it anew.
	Version() string
}

// Page serves live pages.
type Page struct {
	src      Source
	snapshot func(ctx context.Context, ch motacilla.ChannelID) (*motacilla.Update, error)
	o        Options
}

// New returns the pages of src. snapshot must return a channel's snapshot: a reset with its renders oldest first. It must
// return ErrNotFound if the channel does not exist.
func New(src Source, snapshot func(context.Context, motacilla.ChannelID) (*motacilla.Update, error), o *Options) *Page {
	p := &Page{src: src, snapshot: snapshot}
	if o != nil {
		p.o = *o
	}
	if p.o.Transports == nil {
		p.o.Transports = func(motacilla.ChannelID) []Transport { return nil }
	}
	if p.o.Notifications == nil {
		p.o.Notifications = func(motacilla.ChannelID) string { return "" }
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
	if p.o.Look == nil {
		p.o.Look = mustLook()
	}
	if p.o.Renderer == nil {
		p.o.Renderer = p.o.Look.RendererBelow(p.o.Base)
	}
	if p.o.Failed == nil {
		p.o.Failed = func(*http.Request, error) {}
	}
	if p.o.Home == "" {
		p.o.Home = "/"
		if !p.o.NoIndex {
			p.o.Home = p.o.Base + "/"
		}
	}
	return p
}

// URLs returns the routes: the index, channels and their transports, the form for a token, and assets, without those that the
// options leave out. Without pages for channels there is a page of older posts for each. The routes with {channel_id} must be guarded.
func (p *Page) URLs() []route.Route {
	get := func(h func(w http.ResponseWriter, r *http.Request, e *edition) error) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				w.Header().Set("Allow", "GET, HEAD")
				p.fail(w, r, http.StatusMethodNotAllowed, reasons[http.StatusMethodNotAllowed])
				return
			}
			e, err := p.o.Look.edition()
			if err != nil {
				showBroken(w, err)
				return
			}
			if err := h(w, r, e); err != nil {
				p.refuse(w, r, err)
			}
		})
	}
	var routes []route.Route
	if !p.o.NoIndex {
		routes = append(routes, route.Route{Name: "page-index", Pattern: "/", Handler: get(p.index)})
	}
	if !p.o.NoChannels {
		routes = append(routes, route.Route{Name: "page", Pattern: "/channels/{channel_id}", Handler: get(p.channel), Refuse: p.refuse})
		if p.o.SignInURL == "" {
			routes = append(routes, route.Route{Name: "page-sign-in", Pattern: "/sign-in", Handler: p.signIn()})
		}
	} else { // the element loads older posts from it
		routes = append(routes,
			route.Route{Name: "page-older", Pattern: "/channels/{channel_id}/older", Handler: get(p.olderPage), Refuse: p.refuse})
	}
	return append(routes,
		route.Route{Name: "page-transports", Pattern: "/channels/{channel_id}/transports", Handler: http.HandlerFunc(p.transports),
			OpenAPI: transportsOpenAPI},
		route.Route{Name: "page-assets", Pattern: "/assets/{file}", Handler: http.HandlerFunc(p.asset)})
}

// asset serves a file. While the files of the look are broken, it serves those of the last edition that was whole.
func (p *Page) asset(w http.ResponseWriter, r *http.Request) {
	e, _ := p.o.Look.edition()
	e.assets.serve(w, r)
}

// version returns a hash of what pages consist of, except their posts and policies. It differs between builds, looks and
// options that show the same revision differently.
func (p *Page) version(e *edition) string {
	parts := []string{e.digest, p.o.Name, p.o.Base, p.o.Home, p.o.Heartbeat.String(), strconv.Itoa(p.o.PageSize)}
	if v, ok := p.o.Renderer.(Versioned); ok {
		parts = append(parts, v.Version())
	}
	return fingerprint(parts...)
}
