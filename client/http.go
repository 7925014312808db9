package client

import (
	"errors"
	"net/http"
	"net/url"
)

// errRedirects ends a chain of redirects.
var errRedirects = errors.New("more than 10 redirects")

// transport returns what sends requests, and a function that closes its idle connections. It is Options.HTTP's, or a new
// one.
func (c *Client) transport() (rt http.RoundTripper, idle func()) {
	switch {
	case c.options.HTTP == nil:
		own := &http.Transport{Proxy: http.ProxyFromEnvironment}
		if d, ok := http.DefaultTransport.(*http.Transport); ok {
			own = d.Clone()
			own.MaxIdleConnsPerHost = own.MaxIdleConns // many channels may be polled at one host
		}
		return own, own.CloseIdleConnections
	case c.options.HTTP.Transport == nil:
		return http.DefaultTransport, func() {}
	}
	return c.options.HTTP.Transport, func() {}
}

// client returns a copy of Options.HTTP that sends with rt and has no time-out.
func (c *Client) client(rt http.RoundTripper) *http.Client {
	h := &http.Client{}
	if c.options.HTTP != nil {
		*h = *c.options.HTTP
	}
	h.Timeout, h.Transport = 0, &signed{rt, c}
	return h
}

// caller returns the HTTP client of calls.
func (c *Client) caller() (h *http.Client, idle func()) {
	rt, idle := c.transport()
	h = c.client(rt)
	given := h.CheckRedirect
	h.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		first := via[0]
		switch {
		case first.Method != http.MethodGet && (req.Method != first.Method || !c.own(req.URL)):
			return http.ErrUseLastResponse // what was to be written must not get lost, nor go to another server
		case given != nil:
			return given(req, via)
		case len(via) >= 10:
			return errRedirects
		}
		return nil
	}
	return h, idle
}

// signed sends the token to the base URL's scheme and host, and the name of the user agent.
type signed struct {
	http.RoundTripper
	*Client
}

// RoundTrip implements http.RoundTripper.
func (s *signed) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	if value := s.authorization(req.URL); value != "" {
		req.Header.Set("Authorization", value)
	}
	req.Header.Set("User-Agent", s.options.UserAgent)
	return s.RoundTripper.RoundTrip(req)
}

// own reports whether u has the base URL's scheme and host.
func (c *Client) own(u *url.URL) bool { return u.Scheme == c.base.Scheme && u.Host == c.base.Host }

// authorization returns the header Authorization for u. It is empty unless u has the base URL's scheme and host.
func (c *Client) authorization(u *url.URL) string {
	if c.options.Token == "" || !c.own(u) {
		return ""
	}
	return "Bearer " + c.options.Token
}
