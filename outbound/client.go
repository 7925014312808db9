// Package outbound is the HTTP client for addresses that come from outside, such as a link in a post or the address of a feed.
// It cannot reach what only this machine or its network can reach. Everything in the project that calls such an address uses it.
package outbound

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// ErrRefused: the address is not one that the client may call. The error that wraps it says why.
var ErrRefused = errors.New("address refused")

// Options are the client's settings. nil and zero fields mean the defaults.
type Options struct {
	Allow     []netip.Prefix // networks that may be called although they are private, such as that of an internal feed
	Timeout   time.Duration  // for a whole call with its body; default 30 s
	Redirects int            // how many redirects are followed; default 5
	UserAgent string         // default "Motacilla"
}

// Client calls addresses that come from outside. It may be used by many goroutines at once.
type Client struct {
	http *http.Client
}

// New returns a Client.
func New(o *Options) *Client {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		return c.check(address)
	}}
	return &Client{&http.Client{Timeout: c.Timeout, Transport: &http.Transport{DialContext: dialer.DialContext}}}
}

func (o *Options) check(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	for _, p := range o.Allow {
		if p.Contains(at.Addr().Unmap()) {
			return nil
		}
	}
	if ip := at.Addr().Unmap(); !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return ErrRefused
	}
	return nil
}

// Do sends a request, as http.Client.Do does. If the address may not be called, the error is an [ErrRefused].
func (c *Client) Do(r *http.Request) (*http.Response, error) { return c.http.Do(r) }

// HTTP returns the client for libraries that want an *http.Client. It must not be changed.
func (c *Client) HTTP() *http.Client { return c.http }
