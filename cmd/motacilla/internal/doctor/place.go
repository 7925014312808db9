package doctor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// reached returns the checks of how the server was reached. If it redirects http to https, https is checked from then on.
func (d *doctor) reached(a *answer) []Check {
	c := Check{Name: "reach", Status: OK, Seen: fmt.Sprintf("%s in %s", a.Proto, seconds(a.took))}
	if signs := proxySigns(a.Header); signs != "" {
		d.proxied = true
		c.Seen += ", through " + signs
	}
	asked := a.Request.URL
	if asked.Scheme != d.base.Scheme || asked.Host != d.base.Host {
		base := *d.base
		base.Scheme, base.Host = asked.Scheme, asked.Host
		c.Seen += fmt.Sprintf("; %s redirects readers to %s, which was checked", d.base, &base)
		d.base = &base
	}
	return []Check{c, d.certificate(a), d.http2(a)}
}

// proxySigns returns the headers that proxies have left. Most proxies leave none.
func proxySigns(h http.Header) string {
	var signs []string
	for _, name := range []string{"Server", "Via", "CF-Ray", "X-Served-By", "X-Cache"} {
		if v := h.Get(name); v != "" {
			signs = append(signs, name+": "+v)
		}
	}
	return strings.Join(signs, ", ")
}

func (d *doctor) http2(a *answer) Check {
	c := Check{Name: "http/2", Status: NotTested, Seen: "browsers use it only with https"}
	switch {
	case d.base.Scheme != "https":
	case a.ProtoMajor >= 2:
		c.Status, c.Seen = OK, a.Proto
	default:
		c.Status = Warning
		c.Seen = a.Proto + ": a browser opens at most six connections to a host, for all its tabs, and each stream takes one"
		c.Change, c.Nginx = "turn on HTTP/2 for browsers in the proxy", "http2 on;"
	}
	return c
}

// local reports whether the server is on this machine.
func (d *doctor) local() bool {
	host := d.base.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (d *doctor) ready(ctx context.Context, health *answer) Check {
	c := Check{Name: "ready", Status: OK}
	a, err := d.ask(ctx, http.MethodGet, d.at("/readyz"))
	switch {
	case err != nil:
		c.Status, c.Seen = Failure, "/readyz: "+err.Error()
	case a.StatusCode == http.StatusOK:
		c.Seen = "/healthz and /readyz answer"
		if health.StatusCode != http.StatusOK {
			c.Seen = "/readyz answers"
		}
	case a.StatusCode == http.StatusNotFound, a.StatusCode == http.StatusForbidden, a.StatusCode == http.StatusUnauthorized:
		c.Status = NotTested
		c.Seen = fmt.Sprintf("/readyz is not open to us (%s), which is fine", a.Status)
	default:
		c.Status = Failure
		c.Seen = fmt.Sprintf("/readyz: %s, %s", a.Status, strings.TrimSpace(limited(a.body)))
		c.Change = "the server's log says why; bring the store back, or restart the server"
	}
	return c
}

func limited(body []byte) string { return string(body[:min(len(body), 200)]) }

func (d *doctor) exposed(ctx context.Context) Check {
	c := Check{Name: "exposure", Status: OK, Seen: "/metrics is not open to us"}
	a, err := d.ask(ctx, http.MethodGet, d.at("/metrics"))
	if err != nil || a.StatusCode != http.StatusOK || !strings.Contains(string(a.body), "motacilla_") {
		return c
	}
	c.Seen = "/metrics is open to us"
	if d.local() {
		c.Seen += ", on this machine"
		return c
	}
	c.Status, c.Change = Warning, "close /metrics to the public"
	c.Nginx = "location = /metrics { allow 127.0.0.1; deny all; proxy_pass http://127.0.0.1:8080; }"
	return c
}

// The most that clocks may differ.
const (
	clockSlack = 5 * time.Second
	clockWrong = 5 * time.Minute
)

func (d *doctor) clock(ctx context.Context) Check {
	c := Check{Name: "clock", Status: NotTested, Seen: "no answer had a Date"}
	if d.head == 0 {
		d.head = d.askHead(ctx)
	}
	a, err := d.ask(ctx, http.MethodGet, d.at("/channels/"+url.PathEscape(string(d.channel))+"/transports"))
	if err != nil {
		return c
	}
	date, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return c
	}
	off := a.off(date.Add(500 * time.Millisecond)) // Date has whole seconds
	c.Status, c.Seen = OK, "the server's clock and this one differ by "+seconds(off.Abs())
	ahead := d.head.Time().Sub(a.at)
	switch {
	case off.Abs() > clockSlack:
		c.Status = Warning
		c.Seen = fmt.Sprintf("the server's clock is %s %s this one", off.Abs().Round(time.Second), direction(off))
		c.Change = "set the clocks of the server, the proxy and this machine by NTP; caches use Date"
	case d.head > 0 && ahead > clockSlack:
		c.Status = Warning
		c.Seen = fmt.Sprintf("the channel's newest revision is %s ahead of now", ahead.Round(time.Second))
		c.Change = "set the clock of the server, or of its store, by NTP; until then revisions continue from there"
	}
	if off.Abs() > clockWrong {
		c.Status = Failure
	}
	return c
}

// off returns how far date is from the time between the question and the answer.
func (a *answer) off(date time.Time) time.Duration {
	switch {
	case date.Before(a.asked):
		return date.Sub(a.asked)
	case date.After(a.at):
		return date.Sub(a.at)
	}
	return 0
}

func direction(off time.Duration) string {
	if off < 0 {
		return "behind"
	}
	return "ahead"
}

// askHead returns the channel's revision as readers get it, or 0 if no transport tells it.
func (d *doctor) askHead(ctx context.Context) motacilla.Revision {
	for name, more := range map[string]string{"interval-polling": "", "long-polling": "&hold=0"} {
		if u := d.offers[name]; u != nil {
			if a, err := d.ask(ctx, http.MethodGet, since(u, 0, more)); err == nil {
				if update, err := a.update(); err == nil {
					return update.Revision
				}
			}
		}
	}
	return 0
}

// addresses checks that readers can open the transports' URLs.
func (d *doctor) addresses() Check {
	c := Check{Name: "urls", Status: OK, Seen: "the transports' URLs are on this host"}
	for _, t := range d.listed {
		u := d.offers[t.Name]
		switch {
		case u == nil:
			c.Status, c.Seen = Failure, fmt.Sprintf("%s has %q as its URL, which is none", t.Name, t.URL)
			c.Change = "correct its path, and server.public_url"
			return c
		case d.base.Scheme == "https" && (u.Scheme == "http" || u.Scheme == "ws"):
			c.Status = Failure
			c.Seen = fmt.Sprintf("the page is https, and %s is offered at %s: browsers refuse that", t.Name, t.URL)
			c.Change = "set server.public_url to https://" + d.base.Host
			return c
		case u.Host != d.base.Host || u.Scheme != d.base.Scheme && u.Scheme != "ws" && u.Scheme != "wss":
			c.Status = Warning
			c.Seen = fmt.Sprintf("%s is offered at %s, which is not %s", t.Name, t.URL, d.base)
			c.Change = "set server.public_url to the URL that readers use; if they use that one, check it instead"
		}
	}
	return c
}

// forwarded says what can't be checked from outside.
func (d *doctor) forwarded() Check {
	c := Check{
		Name: "client-address", Status: NotTested,
		Seen: "which address the server takes for the reader's can't be seen from outside",
	}
	if d.local() && !d.proxied {
		return c
	}
	c.Change = "if there is a proxy, name it in server.trusted_proxies, and let it set X-Forwarded-For and X-Forwarded-Proto: " +
		"limits by address, and cookies for https, depend on them"
	c.Nginx = "proxy_set_header Host $host;\nproxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n" +
		"proxy_set_header X-Forwarded-Proto $scheme;"
	return c
}
