package access

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/rest"
	"github.com/motacilla-live/motacilla/outbound"
	"go.uber.org/zap"
)

// KitOptions are what a [Kit] is made of. Records must be set.
type KitOptions struct {
	Records motacilla.Records
	Session time.Duration    // how long somebody stays signed in; 0 means 30 days
	Audit   time.Duration    // how long the audit log is kept; 0 means 90 days
	Client  *outbound.Client // calls other servers, such as one that signs tokens; nil means outbound.New(nil)
	Logger  *zap.Logger      // nil logs nothing
}

// Site is what the kit needs of the live site that it belongs to.
type Site struct {
	// Channel looks up a channel, as storage.Reader does.
	Channel func(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error)
	Secure  func(r *http.Request) bool       // whether a request came by https
	Address func(r *http.Request) netip.Addr // where it came from
	Base    string                           // the path of the site
	URL     string                           // its URL for readers; empty if it is not known
	Pages   Pages
	Desk    func() string // the path of the page on which editors write; nil, and an empty path, if there is none
}

// Pages shows pages in the look of the site.
type Pages interface {
	// Form answers with a page of that name, such as "signin", with data.
	Form(w http.ResponseWriter, r *http.Request, status int, name string, data any)
	// Refuse answers with an error: with a page if a browser would show it, and with a problem otherwise.
	Refuse(w http.ResponseWriter, r *http.Request, err error)
	// Local returns next if it is a path of this site, and the site's home otherwise.
	Local(next string) string
}

// Kit is what authenticators share: records, sessions, the audit log, and who was revoked.
type Kit struct {
	o       KitOptions
	site    Site // set before the first request
	holders *holders
	signed  *signedTokens
	audit   *audit
	api     *rest.API
	hook    func(r *http.Request) (*Subject, error) // who sends a request

	accounts []Accounts
	offers   []Offers
}

// NewKit returns a Kit. It is given to the authenticators, and then to [New] with them.
func NewKit(o *KitOptions) *Kit {
	k := &Kit{o: *o}
	if k.o.Session <= 0 {
		k.o.Session = 30 * 24 * time.Hour
	}
	if k.o.Audit <= 0 {
		k.o.Audit = 90 * 24 * time.Hour
	}
	if k.o.Logger == nil {
		k.o.Logger = zap.NewNop()
	}
	if k.o.Client == nil {
		k.o.Client = outbound.New(nil)
	}
	k.holders = newHolders(k)
	k.signed = newSignedTokens(k)
	k.audit = newAudit(k)
	return k
}

// Records are the store's.
func (k *Kit) Records() motacilla.Records { return k.o.Records }

// Client calls other servers.
func (k *Kit) Client() *outbound.Client { return k.o.Client }

// Logger is the app's.
func (k *Kit) Logger() *zap.Logger { return k.o.Logger }

// Site is the live site. It is known when requests are served, and when [Starter.Start] is called.
func (k *Kit) Site() *Site { return &k.site }

// API serves routes by methods, behind the hook.
func (k *Kit) API() *rest.API { return k.api }

// Subject returns who sends a request; nil if it shows nothing that is known.
func (k *Kit) Subject(r *http.Request) (*Subject, error) { return k.hook(r) }
