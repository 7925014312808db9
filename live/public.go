package live

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// Public permits what everybody may do: to read public channels. It is a [route.Authorizer]. An app's own hook
// ([Options.Authorize]) returns what Public returns if the reader has not signed in. Public asks the feed, which has the
// channels that are read in memory. Reading a channel that does not exist is permitted: the handler answers that there is
// no such channel.
func (p *Parts) Public(r *http.Request, ch motacilla.ChannelID, action route.Action) (route.Grant, error) {
	if action != route.Read {
		return route.Grant{}, fmt.Errorf("%w: sign in to write", motacilla.ErrUnauthorized)
	}
	if ch == "" {
		return route.Grant{}, nil
	}
	c, known := route.Channel(r, ch)
	var err error
	if !known {
		c, err = p.Feed.Channel(r.Context(), ch)
	}
	switch {
	case errors.Is(err, motacilla.ErrNotFound):
		return route.Grant{}, nil
	case err != nil:
		return route.Grant{}, fmt.Errorf("authorize reader of channel %q: %w", ch, err)
	case c.Access == motacilla.Public:
		return route.Grant{WhilePublic: true}, nil
	}
	return route.Grant{}, fmt.Errorf("channel %q is private: %w", ch, motacilla.ErrForbidden)
}
