package route

import (
	"context"
	"net/http"

	"github.com/motacilla-live/motacilla"
)

type askKey struct{}

// ask is what [Guard] leaves to the handler of a route that reads several channels.
type ask struct {
	authorize Authorizer
	action    Action
}

// withAsk returns rt for [Permit].
func withAsk(rt Route, action Action, authorize Authorizer) Route {
	handler, value := rt.Handler, &ask{authorize, action}
	rt.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), askKey{}, value)))
	})
	return rt
}

// Permit asks the hook about one channel of a request to a route with Many. It returns a copy of r as a route of this channel
// would get it: the path value channel_id is ch, and it carries the grant. The error is the hook's. If nothing guards the route,
// everything is permitted. Permit may be called from several goroutines at once, and for as long as r's context lasts.
func Permit(r *http.Request, ch motacilla.ChannelID) (*http.Request, error) {
	one := r.Clone(r.Context()) // SetPathValue writes into what a shallow copy shares
	one.SetPathValue("channel_id", string(ch))
	hook, guarded := r.Context().Value(askKey{}).(*ask)
	if !guarded {
		return one, nil
	}
	grant, err := hook.authorize(one, ch, hook.action)
	if err != nil || grant == (Grant{}) {
		return one, err
	}
	return WithGrant(one, grant), nil
}
