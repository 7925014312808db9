// Package client follows and writes the channels of a Motacilla server.
//
//	c, err := client.New("https://live.example.org", &client.Options{Token: token})
//	if err != nil {
//		return err
//	}
//	post, err := c.CreatePost(ctx, "match-42", client.NewPost{Text: "<b>Goal!</b>", KeyEvent: true})
//
// [Client.Follow] keeps a [motacilla.View] up to date, over any transport that the server offers:
//
//	var view motacilla.View
//	for u, err := range c.Follow(ctx, "match-42", nil) {
//		if err != nil {
//			return err
//		}
//		view.Apply(&u, true)
//	}
//
// [Client.FollowMany] does so for any number of channels, over few connections.
//
// # Calls
//
// All other methods are calls of the interface below /api. A call is sent again after a failure that may pass: there was
// no answer, or the answer's status was 408, 425, 429, 502, 503 or 504. [Options] limit the attempts and the pauses
// between them. If the server asks for a pause (Retry-After), the pause is that long; if it asks for more than a minute,
// the call ends with the server's error.
//
// Sending a write again does no harm. A new post has a message ID, and a new image a key, so it is created once. A
// change that the server has made already is not made again. If the answer to a write was lost, the call tells its own
// work from that of others as far as that can be told: a channel or post that is no longer there then counts as removed.
//
// # Errors
//
// The error of a call is one of these:
//   - the error of ctx;
//   - an [*Error], if the server or a proxy before it answered with an error;
//   - a [motacilla.ErrUnavailable], if there was no answer. A write that fails with it may have been carried out;
//   - a [motacilla.ErrInvalid], if an argument is wrong;
//   - the error that Options.Retry returned.
package client

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Options are the settings of a [Client]. nil and zero fields mean the defaults.
type Options struct {
	// Token is sent as Authorization: Bearer, only to the scheme and host of the base URL, and not after a redirect to
	// another one. It is in no error. Without it, only public channels can be read.
	Token string
	// UserAgent is sent as User-Agent. The default is "motacilla-go".
	UserAgent string
	// HTTP makes the requests. Its Timeout is not used: streams last long, and calls have Options.Timeout. WebSocket uses
	// its cookies and, if its Transport is an *http.Transport, the Transport's proxy, TLS settings and dial functions. nil
	// means a client like http.DefaultClient whose connections no other client uses.
	HTTP *http.Client
	// Timeout is how long one attempt of a call may take. The default is 30 s.
	Timeout time.Duration
	// Attempts is how often a call is sent at most. 1 means that nothing is sent again. The default is 6. Follow has no
	// such limit.
	Attempts int
	// MinWait and MaxWait limit the pause before the next attempt, of a call and of Follow. The pause begins at MinWait and
	// doubles with each failure, up to MaxWait. Up to half of it is taken off at random. It is longer if the server asks
	// for that (Retry-After, or the retry field of an event stream). The defaults are 500 ms and 15 s.
	MinWait, MaxWait time.Duration
	// Retry is called before each pause of a call, with the error and the length of the pause. If Retry returns an error,
	// the call ends with it. Retry may be nil. Follow has its own, in FollowOptions.
	Retry func(err error, wait time.Duration) error
}

// Client talks to one server. Its methods may be called from many goroutines at once.
type Client struct {
	base    *url.URL // its path has no slash at the end
	options Options
	calls   *http.Client // makes the requests of calls
	idle    func()       // closes their idle connections
}

// New returns a client of the server at base, such as https://live.example.org, or https://example.org/news/live if the
// server is below a path. A slash at the end changes nothing. The error is a [motacilla.ErrInvalid]. New does not connect.
func New(base string, o *Options) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, motacilla.Invalid("base URL", "must be an http or https URL with a host")
	}
	u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = "", false, "", ""
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	c := &Client{base: u, options: o.withDefaults()}
	if strings.ContainsFunc(c.options.Token, isControl) {
		return nil, motacilla.Invalid("token", "must not contain control characters, such as a line break")
	}
	if strings.ContainsFunc(c.options.UserAgent, isControl) {
		return nil, motacilla.Invalid("user agent", "must not contain control characters, such as a line break")
	}
	c.calls, c.idle = c.caller()
	return c, nil
}

// CloseIdleConnections closes the connections that no call uses now. The client can still be used. If it is not called,
// idle connections close after a while.
func (c *Client) CloseIdleConnections() { c.idle() }

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.UserAgent == "" {
		d.UserAgent = "motacilla-go"
	}
	if d.Timeout <= 0 {
		d.Timeout = 30 * time.Second
	}
	if d.Attempts <= 0 {
		d.Attempts = 6
	}
	if d.MinWait <= 0 {
		d.MinWait = 500 * time.Millisecond
	}
	if d.MaxWait <= 0 {
		d.MaxWait = 15 * time.Second
	}
	return d
}

// backoff returns the pauses of a call, or of Follow.
func (c *Client) backoff() backoff {
	return backoff{shortest: c.options.MinWait, longest: c.options.MaxWait}
}
