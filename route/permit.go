package route

import (
	"context"
	"net/http"

	"github.com/motacilla-live/motacilla"
)

type hookKey struct{}

// hook is what [Guard] leaves to the handler of a route that reads several channels.
type hook struct {
	authorize Authorizer
	action    Action
}

// withAsk returns rt for [Permit].
func withAsk(rt Route, action Action, authorize Authorizer) Route {
	handler, value := rt.Handler, &hook{authorize, action}
	rt.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), hookKey{}, value)))
	})
	return rt
}

// Permit asks the hook about one channel of a request to a route with Many. It returns a copy of r as a route of this channel
// would get it: the path value channel_id is ch, and it carries the grant. The error is the hook's. If nothing guards the route,
// everything is permitted. Permit may be called from several goroutines at once, and for as long as r's context lasts. Its copies share
// the header, which a hook must not change: a client may send thousands of fields, and ask for a hundred channels with a short message.
func Permit(r *http.Request, ch motacilla.ChannelID) (*http.Request, error) {
	bare := *r
	bare.Header = nil
	one := bare.Clone(r.Context()) // SetPathValue writes into what a shallow copy shares
	one.Header = r.Header
	one.SetPathValue("channel_id", string(ch))
	asked, guarded := r.Context().Value(hookKey{}).(*hook)
	if !guarded {
		return one, nil
	}
	grant, err := asked.authorize(one, ch, asked.action)
	if err != nil || grant == (Grant{}) {
		return one, err
	}
	return WithGrant(one, grant), nil
}
