package route

import (
	"context"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Action is what a request does on a channel.
type Action string

// The actions. Whoever may do one of them may do those before it.
const (
	Read   Action = "read"   // see what readers see
	Draft  Action = "draft"  // propose posts, and upload their images
	Write  Action = "write"  // make and change channels and posts; whoever may write sees hidden posts
	Manage Action = "manage" // delete channels, remove posts for good, and say who may do what
)

// Grant is a permission. Streams end when it expires, and when its holder's is revoked.
type Grant struct {
	Expires time.Time // zero: never
	// WhilePublic means that reading is permitted only because the channel is public. The permission ends when the channel
	// becomes private: what is read from the store after that must not be sent.
	WhilePublic bool
	// Holder says to whom permission was given. nil: it is not known, and it can't be revoked.
	Holder *Holder
}

// Authorizer is the one hook that authorises requests. channel is empty if the action is on no channel in particular, such
// as uploading an image. A channel is made by a request on no channel; then the hook is asked again, for the channel of the
// request's body. An Authorizer must not refuse a request because its channel does not exist: the handler answers that. If
// the caller has read the channel already, the request carries it: see [Channel]. The error is ErrUnauthorized,
// ErrForbidden, ErrUnavailable or the application's own.
type Authorizer func(r *http.Request, channel motacilla.ChannelID, action Action) (Grant, error)

type tentativeKey struct{}

// Tentative returns r for asking an [Authorizer] what else r might do, such as which channels it may see in a list. Nothing is refused
// because of the answer, so a hook that notes refusals does not note this one. The same is asked for a request that changes nothing
// lasting and comes every few seconds; if it is refused, the hook is asked again with r itself.
func Tentative(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), tentativeKey{}, true))
}

// IsTentative reports whether r comes from [Tentative].
func IsTentative(r *http.Request) bool { return r.Context().Value(tentativeKey{}) != nil }

type grantKey struct{}

// WithGrant returns r carrying g.
func WithGrant(r *http.Request, g Grant) *http.Request {
	value := whilePublicValue
	if g != (Grant{WhilePublic: true}) {
		value = g
	}
	return r.WithContext(context.WithValue(r.Context(), grantKey{}, value))
}

// whilePublicValue is the grant of nearly all readers. It is made once.
var whilePublicValue any = Grant{WhilePublic: true}

// GrantOf returns the grant that r carries, or the zero Grant.
func GrantOf(r *http.Request) Grant {
	g, _ := r.Context().Value(grantKey{}).(Grant)
	return g
}

// Guard returns rt with its handler behind authorize. For each request it parses the channel ID of the path and asks
// authorize for action. The handler's request carries the grant. rt.Refuse answers a request that is refused. If rt.Many is true,
// the handler asks, by [Permit].
func Guard(rt Route, action Action, authorize Authorizer) Route {
	if rt.Many {
		return withAsk(rt, action, authorize)
	}
	handler, refuse := rt.Handler, rt.Refuse
	if refuse == nil {
		refuse = WriteError
	}
	rt.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		permitted, err := permit(r, action, authorize)
		if err != nil {
			refuse(w, r, err)
			return
		}
		handler.ServeHTTP(w, permitted)
	})
	return rt
}

// permit returns r carrying its grant.
func permit(r *http.Request, action Action, authorize Authorizer) (*http.Request, error) {
	ch, err := ChannelID(r)
	if err != nil {
		return nil, err
	}
	grant, err := authorize(r, ch, action)
	if err != nil || grant == (Grant{}) {
		return r, err
	}
	return WithGrant(r, grant), nil
}
