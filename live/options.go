package live

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/history"
	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/presence"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Options are what a live site is made of. Only Store must be set. nil and zero fields mean the defaults.
type Options struct {
	Store storage.Store // is not closed by the site

	// Publishers returns the publishers, in the order in which readers are offered them. Each is made from the parts:
	// sse.New(p.Feed, nil). nil means none.
	Publishers func(p *Parts) []publisher.Publisher
	// Receivers returns the receivers: webapp.New(p.Sink(), p.Authorize, nil). nil means none: posts then come from
	// [Parts.Ingest] or from another process that writes into the store.
	Receivers func(p *Parts) []receiver.Receiver

	// Authorize decides who may do what: the app's own sign-in. It should return [Parts.Public] for those who have not signed
	// in. If Access is nil too, the hook is that of [route.Token] with Token.
	Authorize route.Authorizer
	// Access decides who may do what: people who sign in, tokens, signed tokens. It must be new, and is started with the site. It
	// can't be set with Authorize.
	Access *access.Access
	// Token is the secret of the default hook. If it is empty, nobody may write or read private channels. It is also the
	// secret of listings, if it is set: nodes that serve the same readers must have the same one.
	Token string

	// BasePath is the path of the site, such as /news/live. Empty means the root of the server, or the path of
	// PublicURL. Requests are served with the path and without it, so that it does not matter whether the router or a
	// proxy removes it.
	BasePath string
	// PublicURL is the URL of the site for readers, such as https://example.org/news/live. If it is empty, URLs are only
	// paths. If it is of https, the cookie of signing in is for https only. Its path must be BasePath, if both are set.
	PublicURL string
	// Origins are sites such as https://www.example.org whose scripts may read; * is any site, without cookies.
	Origins []string
	// TrustedProxies are addresses and networks of proxies whose X-Forwarded-* and Forwarded are believed.
	TrustedProxies []string

	// Page are the options of the pages. Transports, Notifications, Readable, Listing, Base, Heartbeat and
	// Renderer are set by New. SignIn and SignInEditor are set by New if Authorize is nil, unless Access has a
	// page for signing in. If Failed is nil, New logs what it would get.
	Page page.Options
	// Renderer makes the HTML of posts; the default is that of Page.Look, or page.NewRenderer().
	Renderer publisher.Renderer
	// Feed are the options of the feed. New sets its Logger, its Compression, the page's size if PageSize is 0, and the address
	// of its limits.
	Feed publisher.FeedOptions
	// Compression are the content codings of answers, in the order of preference: br, zstd and gzip. By default nothing is
	// compressed, because a middleware of the app may do that: some compress again what is compressed already.
	Compression []string
	// RequestsPerAddress is how many requests per second one address may send; 0 is no limit.
	RequestsPerAddress int

	// Library keeps images. nil means that no images are kept: receivers leave them out.
	Library Library
	// Embeds looks up embedded pages, such as videos. If it is nil, readers see a link. Whether players are shown is an option of
	// Page.Look.
	Embeds Embeds
	// History keeps the versions of posts. It must be new, and is started with the site. nil keeps none, and no post can be removed with
	// its versions.
	History *history.History
	// Presence counts readers, and says which editors are there. nil: it does not.
	Presence *presence.Options
	// Client calls addresses that come from outside, such as a link in a post; nil means outbound.New(nil).
	Client *outbound.Client

	// Routes are the app's own, beside those of the site. Nothing checks who may call them.
	Routes []route.Route
	// Operations are routes for whoever runs the server, such as health checks. They have no limit on requests.
	Operations []route.Route

	Logger  *zap.Logger           // nil logs nothing
	Metrics prometheus.Registerer // of the app; nil registers nothing
	// Tracer starts a span for each call of the store. live/tracing makes one from OpenTelemetry's. nil traces nothing.
	Tracer Tracer
	// Traces follows posts from the request of a receiver to the first delivery on each node. It takes the place of Tracer, and
	// the app starts and stops it. tracing.New makes one from OpenTelemetry's. nil traces nothing.
	Traces Traces
}

// withDefaults returns o with all that New sets, or an error that names what is wrong.
func (o Options) withDefaults() (Options, error) {
	if o.Store == nil {
		return o, errors.New("live: Store must be set")
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if o.PublicURL != "" {
		path, err := CheckPublicURL(o.PublicURL)
		if err != nil {
			return o, fmt.Errorf("live: PublicURL %w", err)
		}
		if o.BasePath != "" && path != "" && path != o.BasePath {
			return o, fmt.Errorf("live: BasePath is %s, but the path of PublicURL is %s: they must be the same", o.BasePath, path)
		}
		if o.BasePath == "" {
			o.BasePath = path
		} else if path == "" {
			return o, fmt.Errorf("live: PublicURL must end in BasePath, %s", o.BasePath)
		}
		o.PublicURL = strings.TrimSuffix(o.PublicURL, "/")
	}
	if err := route.CheckBase(o.BasePath); err != nil {
		return o, fmt.Errorf("live: BasePath %w", err)
	}
	if o.Compression == nil {
		o.Compression = []string{} // nil means all to the feed
	}
	if !compress.Valid(o.Compression) {
		return o, errors.New("live: Compression must be a list of br, zstd and gzip, each once at most")
	}
	if o.Authorize != nil && o.Access != nil {
		return o, errors.New("live: Authorize and Access can't both be set")
	}
	if o.RequestsPerAddress < 0 {
		return o, errors.New("live: RequestsPerAddress must not be negative")
	}
	if o.Client == nil {
		o.Client = outbound.New(nil)
	}
	switch {
	case o.Tracer != nil && o.Traces != nil:
		return o, errors.New("live: Tracer and Traces can't both be set: Traces has the spans of Tracer too")
	case o.Tracer != nil:
		o.Store = trace(o.Store, o.Tracer)
	case o.Traces != nil:
		o.Store = &traced{o.Store, o.Traces.Call, o.Traces.Written}
	}
	return o, nil
}

// CheckPublicURL returns the path of s without its last slash, or an error that says what s must be.
func CheckPublicURL(s string) (path string, err error) {
	wrong := errors.New("must be an http or https URL without a query, such as https://example.org/news/live")
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return "", wrong
	}
	path = strings.TrimSuffix(u.EscapedPath(), "/")
	if s != u.Scheme+"://"+u.Host+u.EscapedPath() || route.CheckBase(path) != nil {
		return "", wrong
	}
	return path, nil
}

// secure reports whether the request came by https. Readers have PublicURL, so that decides also if the proxy that ends TLS
// is not trusted.
func (p *Parts) secure(r *http.Request) bool {
	return strings.HasPrefix(p.options.PublicURL, "https:") || p.Proxies.Scheme(r) == "https"
}
