package doctor

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
)

// held makes a long poll from the newest revision, and waits for the answer.
func (d *doctor) held(ctx context.Context) []Check {
	c := Check{Name: "held-requests", Status: NotTested}
	u := d.offers[long]
	switch {
	case u == nil:
		c.Seen = long + " is not offered"
		return []Check{c}
	case d.o.Fast:
		return []Check{d.atOnce(ctx, c)}
	}
	cursor := d.head
	for range 3 { // the channel may change meanwhile
		update, took, err := d.hold(ctx, since(u, cursor, ""))
		switch {
		case err != nil:
			return []Check{cut(c, took, err)}
		case !update.Heartbeat():
			cursor = update.Revision
			continue
		case took < d.o.Short:
			c.Status = Warning
			c.Seen = fmt.Sprintf("answered after %s though there was nothing new", seconds(took))
			c.Change = "the server is about to stop, its hold is short, or something answers instead of it"
			return []Check{c}
		}
		if d.keptHeld(ctx, since(u, cursor, "")) {
			c.Status = Failure
			c.Seen = fmt.Sprintf("held for %s; but then the same answer came at once: a cache keeps what says no-store", seconds(took))
			c.Change = "use no cache on the readers' paths, except for interval polling"
			c.Nginx = "location /live/ { proxy_pass http://127.0.0.1:8080; proxy_cache off; }"
			return []Check{c}
		}
		c.Status, c.Seen = OK, fmt.Sprintf("held for %s, then answered", seconds(took))
		return []Check{c}
	}
	c.Seen = "the channel changes too often to tell"
	c.Change = "name a quieter channel with --channel"
	return []Check{c}
}

func (d *doctor) hold(ctx context.Context, target string) (*motacilla.Update, time.Duration, error) {
	began := time.Now()
	a, err := d.askFor(ctx, d.o.Held, http.MethodGet, target)
	if err != nil {
		return nil, time.Since(began), err
	}
	update, err := a.update()
	return update, a.took, err
}

// keptHeld reports whether the same request, which was held before, is now answered at once.
func (d *doctor) keptHeld(ctx context.Context, target string) bool {
	a, err := d.askFor(ctx, d.o.Again, http.MethodGet, target)
	if err != nil || a.took >= d.o.Again { // a late answer may have come together with the end of the time
		return false
	}
	update, err := a.update()
	return err == nil && update.Heartbeat()
}

// cut returns the check of a held request that the server did not answer.
func cut(c Check, took time.Duration, err error) Check {
	c.Status = Failure
	c.Seen = fmt.Sprintf("cut off after %s: %v", seconds(took), err)
	c.Change = "give answers more time on the way: longer than the hold of long polling (25 s unless configured)"
	c.Nginx = "proxy_read_timeout 75s;"
	return c
}

// atOnce makes a long poll that is not held.
func (d *doctor) atOnce(ctx context.Context, c Check) Check {
	a, err := d.ask(ctx, http.MethodGet, since(d.offers[long], d.head, "&hold=0"))
	if err == nil {
		_, err = a.update()
	}
	if err != nil {
		c.Status, c.Seen = Failure, long+": "+err.Error()
		c.Change, c.Nginx = "pass the readers' paths on to the server", proxyPass
		return c
	}
	c.Seen = "answered without being held; whether a held request is cut off was left out (--fast)"
	return c
}
