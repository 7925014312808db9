package route

import (
	"context"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Action is what a request wants to do on a channel.
type Action string

// The actions. Write takes in everything that Read does.
const (
	Read  Action = "read"
	Write Action = "write"
)

// Grant is a permission. Streams end when it expires.
type Grant struct {
	Expires time.Time // zero: never
	// WhilePublic is a permission that the channel's being public gives, and ends with that: what is read for a reader
	// who waits is not given to it where the channel has become private meanwhile.
	WhilePublic bool
}

// Authorizer is the one hook that decides. channel may be empty, of actions on no channel in particular, such as making
// one. It must not refuse a channel that does not exist. If the caller has read the channel already, the request carries
// it: see [Channel]. The error is ErrUnauthorized, ErrForbidden, ErrUnavailable or the application's own.
type Authorizer func(r *http.Request, channel motacilla.ChannelID, action Action) (Grant, error)

type grantKey struct{}

// WithGrant returns r carrying g.
func WithGrant(r *http.Request, g Grant) *http.Request {
	value := whilePublicValue
	if g != (Grant{WhilePublic: true}) {
		value = g
	}
	return r.WithContext(context.WithValue(r.Context(), grantKey{}, value))
}

// whilePublicValue is the grant of nearly all readers, made once.
var whilePublicValue any = Grant{WhilePublic: true}

// GrantOf returns the grant under which r was let through; the zero Grant where there is none.
func GrantOf(r *http.Request) Grant {
	g, _ := r.Context().Value(grantKey{}).(Grant)
	return g
}

// Guard returns rt with its handler behind authorize: the channel ID of the path is parsed, the hook is asked for
// action, and what is refused goes to rt.Refuse.
func Guard(rt Route, action Action, authorize Authorizer) Route {
	handler, refuse := rt.Handler, rt.Refuse
	if refuse == nil {
		refuse = WriteError
	}
	rt.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ch, err := ChannelID(r)
		if err != nil {
			refuse(w, r, err)
			return
		}
		grant, err := authorize(r, ch, action)
		if err != nil {
			refuse(w, r, err)
			return
		}
		if grant != (Grant{}) {
			r = WithGrant(r, grant)
		}
		handler.ServeHTTP(w, r)
	})
	return rt
}
