package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	allowOrigin = "Access-Control-Allow-Origin"

	// stranger is an origin that no server lists (RFC 2606).
	stranger = "https://doctor.invalid"
)

// origins makes the requests of a script of another origin.
func (d *doctor) origins(ctx context.Context) Check {
	c := Check{Name: "origins", Status: OK}
	target := d.at("/channels/" + url.PathEscape(string(d.channel)) + "/transports")
	origin := d.o.Origin
	if origin == "" {
		origin = stranger
	}
	a, err := d.ask(ctx, http.MethodGet, target, "Origin", origin)
	if err != nil {
		c.Status, c.Seen = Failure, err.Error()
		return c
	}
	allowed := a.Header.Values(allowOrigin)
	switch {
	case len(allowed) > 1:
		c.Status = Failure
		c.Seen = fmt.Sprintf("%s is there %d times (%s): browsers refuse that", allowOrigin, len(allowed), strings.Join(allowed, ", "))
		c.Change = "let only the server set it, with server.origins"
		c.Nginx = "# remove from the location: add_header Access-Control-Allow-Origin ...;"
		return c
	case d.o.Origin == "":
		c.Seen = "scripts of other origins may not read; --origin https://www.example.org tests one that should"
		if len(allowed) == 1 {
			c.Seen = "scripts of any origin may read (" + allowOrigin + ": " + allowed[0] + ")"
		}
		return c
	case len(allowed) == 0:
		c.Status, c.Seen = Failure, "scripts of "+origin+" may not read: there is no "+allowOrigin
		c.Change = "list it: server.origins: [" + origin + "]; does the proxy pass Origin on?"
		return c
	case allowed[0] != origin && allowed[0] != "*":
		c.Status, c.Seen = Failure, fmt.Sprintf("scripts of %s may not read: %s is %s", origin, allowOrigin, allowed[0])
		c.Change = "a cache gives the answer for another origin: let it obey Vary; or let only the server set the header"
		c.Nginx = "# remove: proxy_ignore_headers Vary; add_header Access-Control-Allow-Origin ...;"
		return c
	}
	c.Seen = "scripts of " + origin + " may read"
	if allowed[0] != "*" && !varies(a.Header) {
		c.Status = Warning
		c.Seen += ", but the answer does not say Vary: Origin, so a cache may give it to another origin"
		c.Change, c.Nginx = "do not take Vary off on the way", "# remove: proxy_hide_header Vary;"
	}
	return d.preflight(ctx, c, target, origin)
}

func varies(h http.Header) bool {
	return slices.ContainsFunc(h.Values("Vary"), func(line string) bool {
		return slices.ContainsFunc(directives(line), func(name string) bool { return name == "origin" || name == "*" })
	})
}

// preflight makes the request that a browser makes before a request with a header of its own.
func (d *doctor) preflight(ctx context.Context, c Check, target, origin string) Check {
	a, err := d.ask(ctx, http.MethodOptions, target, "Origin", origin,
		"Access-Control-Request-Method", http.MethodGet, "Access-Control-Request-Headers", "if-none-match")
	seen := ""
	switch {
	case err != nil:
		seen = err.Error()
	case a.StatusCode != http.StatusOK && a.StatusCode != http.StatusNoContent:
		seen = a.Status
	case a.Header.Get(allowOrigin) != origin && a.Header.Get(allowOrigin) != "*":
		seen = "no " + allowOrigin
	default:
		return c
	}
	return Check{
		Name: c.Name, Status: Failure, Seen: "a preflight of " + origin + " (OPTIONS) fails: " + seen,
		Change: "pass OPTIONS on to the server", Nginx: "# remove from the location: limit_except GET { ... }",
	}
}

// own returns the origin of the server's own pages.
func (d *doctor) own() string { return d.base.Scheme + "://" + d.base.Host }
