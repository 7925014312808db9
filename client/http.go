package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"
)

// client returns the HTTP client for the requests, and a function that closes its idle connections.
func (f *follower) client() (c *http.Client, closing func()) {
	c, closing = &http.Client{}, func() {}
	if f.o.HTTP != nil {
		*c = *f.o.HTTP
		c.Timeout = 0
	}
	base := c.Transport
	switch {
	case f.o.HTTP == nil:
		own := &http.Transport{Proxy: http.ProxyFromEnvironment}
		if d, ok := http.DefaultTransport.(*http.Transport); ok {
			own = d.Clone()
		}
		base, closing = own, own.CloseIdleConnections
	case base == nil:
		base = http.DefaultTransport
	}
	c.Transport = &watched{base, f}
	return c, closing
}

// watched cancels requests and answers that fall silent. It sends the token to the base URL's scheme and host.
type watched struct {
	base http.RoundTripper
	*follower
}

// RoundTrip implements http.RoundTripper.
func (w *watched) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	req = req.Clone(ctx)
	if value := w.authorization(req.URL); value != "" {
		req.Header.Set("Authorization", value)
	}
	silence := w.o.silence()
	timer := time.AfterFunc(silence, func() { cancel(errSilent) })
	resp, err := w.base.RoundTrip(req)
	timer.Stop()
	if err != nil {
		err = silent(ctx, err)
		cancel(nil)
		return nil, err
	}
	resp.Body = &watchedBody{resp.Body, ctx, cancel, timer, silence}
	return resp, nil
}

// authorization returns the header Authorization for u. It is empty unless u has the base URL's scheme and host.
func (f *follower) authorization(u *url.URL) string {
	if f.o.Token == "" || u.Scheme != f.base.Scheme || u.Host != f.base.Host {
		return ""
	}
	return "Bearer " + f.o.Token
}

// watchedBody cancels the request when a Read waits for too long. Time between two Reads does not count.
type watchedBody struct {
	io.ReadCloser
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	silence time.Duration
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.silence)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if err != nil && err != io.EOF { //nolint:errorlint // readers return io.EOF itself
		err = silent(b.ctx, err)
	}
	return n, err
}

func (b *watchedBody) Close() error {
	err := b.ReadCloser.Close()
	b.timer.Stop()
	b.cancel(nil)
	return err
}

// silent returns errSilent if that ended ctx, and err otherwise.
func silent(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errSilent) {
		return errSilent
	}
	return err
}
