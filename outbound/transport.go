package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// ErrTooLarge says that the answer has more bytes than it may.
var ErrTooLarge = errors.New("the answer is too large")

// errQuiet: nothing came for Options.Timeout.
var errQuiet = errors.New("no answer in time")

// checked is the transport of a Client. It is between the client and the network for each request, so also for each that
// follows a redirect.
type checked Client

// RoundTrip implements http.RoundTripper.
func (c *checked) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := checkURL(r.URL); err != nil {
		closeBody(r)
		return nil, err
	}
	if r.Host != "" && r.Host != r.URL.Host {
		closeBody(r)
		return nil, refused(r.URL.Hostname(), "the Host header names another host")
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	quiet := time.AfterFunc(c.o.Timeout, func() { cancel(errQuiet) })
	sent := r.Clone(ctx)
	if sent.Header.Get("User-Agent") == "" {
		sent.Header.Set("User-Agent", c.o.UserAgent)
	}
	answer, err := c.transport.RoundTrip(sent)
	if err != nil {
		quiet.Stop()
		defer cancel(nil)
		if errors.Is(context.Cause(ctx), errQuiet) {
			return nil, fmt.Errorf("%w (%v)", errQuiet, c.o.Timeout)
		}
		return nil, err
	}
	if answer.ContentLength > c.o.Most {
		quiet.Stop()
		answer.Body.Close()
		cancel(nil)
		return nil, ErrTooLarge
	}
	answer.Body = &body{
		ReadCloser: answer.Body, ctx: ctx, cancel: cancel, quiet: quiet, timeout: c.o.Timeout, left: c.o.Most,
	}
	return answer, nil
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		r.Body.Close()
	}
}

// body is the body of an answer. It ends the call if nothing comes for timeout, or if more than left bytes come.
type body struct {
	io.ReadCloser
	ctx     context.Context
	cancel  context.CancelCauseFunc
	quiet   *time.Timer
	timeout time.Duration
	left    int64 // bytes
	closed  sync.Once
}

func (b *body) Read(p []byte) (int, error) {
	b.quiet.Reset(b.timeout)
	n, err := b.ReadCloser.Read(p)
	b.quiet.Stop()
	if b.left -= int64(n); b.left < 0 {
		b.cancel(ErrTooLarge)
		return 0, ErrTooLarge
	}
	if err != nil && !errors.Is(err, io.EOF) && errors.Is(context.Cause(b.ctx), errQuiet) {
		err = errQuiet
	}
	return n, err
}

func (b *body) Close() error {
	var err error
	b.closed.Do(func() {
		b.quiet.Stop()
		b.cancel(nil)
		err = b.ReadCloser.Close()
	})
	return err
}
