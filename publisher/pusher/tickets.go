package pusher

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/relay"
)

// tickets tell readers how to follow the hub.
type tickets struct {
	app *App
	o   *Options
}

// ticket implements relay.TicketOf. A private channel's reader gets the token of the subscription from the authority, since that is
// valid for one connection only. The hub does not end it.
func (t *tickets) ticket(_ *http.Request, ch motacilla.ChannelID, isPrivate bool, _ time.Time) (*relay.Ticket, error) {
	u, err := url.Parse(t.o.Readers)
	if err != nil {
		return nil, err
	}
	u = u.JoinPath("app", t.app.key)
	q := u.Query()
	q.Set("protocol", "7")
	q.Set("client", "motacilla")
	q.Set("version", "1")
	u.RawQuery = q.Encode()
	k := &relay.Ticket{Protocol: name, URL: u.String(), Channel: t.app.Channel(ch, isPrivate)}
	if isPrivate {
		k.Auth = relative(t.o.Path, t.o.AuthPath)
	}
	return k, nil
}

// relative returns the way from one path to another, as a relative reference. It is the same below any path.
func relative(from, to string) string {
	from, to = below(from), below(to)
	return strings.Repeat("../", strings.Count(strings.Trim(from, "/"), "/")+1) + strings.TrimPrefix(to, "/")
}

func below(path string) string {
	if !strings.HasPrefix(path, "/") {
		path = "/live/" + path
	}
	return path
}
