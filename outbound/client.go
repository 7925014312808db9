// Package outbound is the HTTP client for addresses that come from outside, such as a link in a post or the address of a feed.
// It cannot reach what only this machine or its network can reach. Everything in the project that calls such an address uses it.
package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// ErrRefused says that the address is not one that the client may call. The error that wraps it says why.
var ErrRefused = errors.New("address refused")

// Options are the client's settings. nil and zero fields mean the defaults.
type Options struct {
	Allow     []netip.Prefix // networks that may be called although they are private, such as that of an internal feed
	Timeout   time.Duration  // until an answer begins, and for each pause in it; default 30 s
	Longest   time.Duration  // for a whole call with its redirects and its body; default 15 min
	Most      int64          // the most bytes that the body of an answer may have, uncompressed; default 256 MiB
	Idle      int            // connections to one host that are kept for later calls; default 2
	Redirects int            // how many redirects are followed; default 5, and a negative number means none
	UserAgent string         // default "Motacilla"
	Resolver  *net.Resolver  // default: the system's
	Roots     *x509.CertPool // the authorities that https servers must have their certificates from; default: the system's
}

// Client calls addresses that come from outside. It may be used by many goroutines at once.
//
// It calls http and https URLs of the public Internet and of Options.Allow. The address is checked when the connection is made,
// after the name was resolved, and it is the address that was checked that is called: a name that resolves to something else
// the next time gains nothing. Each redirect is checked like the first URL. A redirect from https to http is refused, and one
// to another host takes none of the request's own headers along, which could be secrets. No cookies are kept, and no proxy
// of the environment is used: a proxy would resolve names by itself.
type Client struct {
	http      *http.Client
	transport *http.Transport
	o         Options
}

// maxHeader is the most bytes that the header of an answer may have.
const maxHeader = 256 << 10

// New returns a Client.
func New(o *Options) *Client {
	c := &Client{}
	if o != nil {
		c.o = *o
	}
	if c.o.Timeout <= 0 {
		c.o.Timeout = 30 * time.Second
	}
	if c.o.Longest <= 0 {
		c.o.Longest = 15 * time.Minute
	}
	if c.o.Most <= 0 {
		c.o.Most = 256 << 20
	}
	if c.o.Idle <= 0 {
		c.o.Idle = 2
	}
	if c.o.Redirects == 0 {
		c.o.Redirects = 5
	}
	if c.o.UserAgent == "" {
		c.o.UserAgent = "Motacilla"
	}
	dialer := &net.Dialer{Timeout: min(c.o.Timeout, 10*time.Second), Resolver: c.o.Resolver, Control: c.control}
	c.transport = &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{RootCAs: c.o.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  c.o.Timeout,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConns:           max(32, c.o.Idle),
		MaxIdleConnsPerHost:    c.o.Idle,
		IdleConnTimeout:        30 * time.Second,
	}
	c.http = &http.Client{Transport: (*checked)(c), CheckRedirect: c.redirect, Timeout: c.o.Longest}
	return c
}

// control is called with the address of each connection before it is made.
func (c *Client) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return refused("", "it is no address")
	}
	if why := refusal(at.Addr(), c.o.Allow); why != "" {
		return refused("", "%s", why)
	}
	return nil
}

// redirectHeaders are the headers that a redirect to another host takes along.
var redirectHeaders = []string{
	"Accept", "Accept-Language", "Content-Type", "If-Modified-Since", "If-None-Match", "Range", "User-Agent",
}

// redirect is called before a redirect is followed.
func (c *Client) redirect(next *http.Request, before []*http.Request) error {
	if len(before) > max(c.o.Redirects, 0) {
		return fmt.Errorf("more than %d redirects", max(c.o.Redirects, 0))
	}
	last := before[len(before)-1]
	if last.URL.Scheme == "https" && next.URL.Scheme == "http" {
		return refused(next.URL.Hostname(), "a redirect leads from https to http")
	}
	next.Header.Del("Referer") // the URL may have a secret
	if !strings.EqualFold(next.URL.Host, before[0].URL.Host) {
		kept := http.Header{}
		for _, name := range redirectHeaders {
			if v := next.Header.Values(name); len(v) > 0 {
				kept[name] = v
			}
		}
		next.Header = kept //nolint:gosec // it has fewer headers than before, and no secrets
	}
	return nil
}

// Do sends a request, as http.Client.Do does. If the address may not be called, the error is an [ErrRefused]. Errors name the
// host, and no other part of the URL, which may have a secret. Whoever reads the body bounds it: the client does so at
// Options.Most.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, concealed(r.URL, err)
	}
	return answer, nil
}

// concealed returns err without the URL that net/http puts before it.
func concealed(u *url.URL, err error) error {
	var with *url.Error
	for errors.As(err, &with) {
		err = with.Err
	}
	return fmt.Errorf("call %q: %w", u.Hostname(), err)
}

// Options returns the client's settings, for another client that differs in some of them. It shares Allow with this one.
func (c *Client) Options() Options { return c.o }

// HTTP returns the client for libraries that want an *http.Client. It must not be changed. Its errors have the whole URL.
func (c *Client) HTTP() *http.Client { return c.http }

// Close closes the connections that are kept for later calls.
func (c *Client) Close() { c.transport.CloseIdleConnections() }
