package live

import (
	"fmt"
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// Public permits what everybody may do: to read public channels. It is a [route.Authorizer]. An app's own hook
// ([Options.Authorize]) returns what Public returns if the reader has not signed in. Public asks the feed, which has the
// channels that are read in memory.
func (p *Parts) Public(r *http.Request, ch motacilla.ChannelID, action route.Action) (route.Grant, error) {
	if action != route.Read {
		return route.Grant{}, fmt.Errorf("%w: sign in to write", motacilla.ErrUnauthorized)
	}
	return route.ReadPublic(r, ch, p.Feed.Channel)
}
