package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// links make the connections of a follower.
type links struct {
	http  *http.Client      // like that of calls, without their time-out, and with one for silence
	plain http.RoundTripper // what http sends its requests with at last
}

// links returns links for a follower, and a function that closes their idle connections.
func (c *Client) links(o *FollowOptions) (l links, closing func()) {
	l.plain, closing = c.transport()
	l.http = c.client(l.plain)
	l.http.Transport = &watched{l.http.Transport, o.silence()}
	return l, closing
}

// watched cancels requests and answers that fall silent.
type watched struct {
	base    http.RoundTripper
	silence time.Duration
}

// RoundTrip implements http.RoundTripper.
func (w *watched) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	timer := time.AfterFunc(w.silence, func() { cancel(errSilent) })
	resp, err := w.base.RoundTrip(req.Clone(ctx))
	timer.Stop()
	if err != nil {
		err = silent(ctx, err)
		cancel(nil)
		return nil, err
	}
	resp.Body = &watchedBody{resp.Body, ctx, cancel, timer, w.silence}
	return resp, nil
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
