package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/motacilla-live/motacilla"
)

// maxAnswer is the longest answer to a call that is read, in bytes. A hundred posts of 64 KiB are a tenth of it.
const maxAnswer = 64 << 20

var (
	errSlow    = errors.New("no answer came within Options.Timeout")
	errTooMuch = errors.New("the answer is longer than 64 MiB")
)

// request is one call. It may be sent several times.
type request struct {
	method string
	url    *url.URL
	header http.Header
	body   any     // nil, or sent as JSON
	upload *upload // nil, or sent as it is

	status   int         // of the last answer
	answered http.Header // of the last answer

	// mayBeDone is set after an attempt without an answer: the server may have carried it out.
	mayBeDone bool
}

// endpoint returns the URL of a path of the server.
func (c *Client) endpoint(path ...string) *url.URL { return c.base.JoinPath(path...) }

// outage is the error of a call without an answer. It is an ErrUnavailable.
type outage struct{ err error }

func (o *outage) Error() string { return o.err.Error() }

func (o *outage) Unwrap() []error { return []error{motacilla.ErrUnavailable, o.err} }

// call sends r until there is an answer, and decodes that into out, unless out is nil.
func (c *Client) call(ctx context.Context, r *request, out any) error {
	var body []byte
	if r.body != nil {
		var err error
		if body, err = plainJSON(r.body); err != nil {
			return motacilla.Invalid("content", "can't be encoded as JSON: %v", err)
		}
	}
	pauses := c.backoff()
	for attempt := 1; ; attempt++ {
		err := c.send(ctx, r, body, out)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
		asked, again := r.again(err)
		if again && r.upload.again() && attempt < c.options.Attempts {
			r.mayBeDone = r.mayBeDone || !undone(err)
			if err := c.pause(ctx, pauses.next(asked), err); err != nil {
				return err
			}
			continue
		}
		if attempt > 1 {
			return fmt.Errorf("attempt %d: %w", attempt, err)
		}
		return err
	}
}

// again reports whether r is to be sent again after err, and how long the server asks to wait.
func (r *request) again(err error) (asked time.Duration, again bool) {
	var e *Error
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &e):
		again = passing(e.Status) || e.Status == http.StatusConflict && r.method == http.MethodPatch && e.Field != "state"
		return e.RetryAfter, again && e.RetryAfter <= longestAsked
	case errors.As(err, &cert), errors.Is(err, errRedirects), errors.Is(err, errTooMuch):
		return 0, false
	}
	return 0, errors.Is(err, motacilla.ErrUnavailable)
}

// undone reports whether err proves that the server has not carried out the attempt.
func undone(err error) bool {
	var op *net.OpError
	var e *Error
	return errors.As(err, &op) && op.Op == "dial" ||
		errors.As(err, &e) && (e.Status == http.StatusTooManyRequests || e.Status == http.StatusTooEarly)
}

// longestAsked is the longest pause for which the server may ask within a call.
const longestAsked = time.Minute

// pause waits before the next attempt. failed is the error of the last one.
func (c *Client) pause(ctx context.Context, wait time.Duration, failed error) error {
	if c.options.Retry != nil {
		if err := c.options.Retry(failed, wait); err != nil {
			return err
		}
	}
	if err := sleep(ctx, wait); err != nil {
		return fmt.Errorf("%w; the last attempt: %w", err, failed)
	}
	return nil
}

// send sends r once. The error is an *Error, an *outage, or that of an argument.
func (c *Client) send(ctx context.Context, r *request, body []byte, out any) error {
	ctx, alive, cancel := c.limit(ctx, r.upload)
	defer cancel()
	var payload io.Reader
	if body != nil {
		payload = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), payload)
	if err != nil {
		return motacilla.Invalid("base URL", "can't be used: %v", err)
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json, application/problem+json")
	var sending *attempt
	if r.upload != nil {
		if sending, err = r.upload.carry(req, alive); err != nil {
			return err
		}
		defer func() { _ = sending.Close() }()
	}
	resp, err := c.calls.Do(req)
	if err != nil {
		if failed := sending.failed(); failed != nil {
			return failed
		}
		return r.unanswered(ctx, err)
	}
	defer resp.Body.Close()
	r.status, r.answered = resp.StatusCode, resp.Header
	if resp.StatusCode >= http.StatusMultipleChoices {
		e, err := problemOf(resp)
		if err != nil {
			return r.unanswered(ctx, err)
		}
		if to := resp.Header.Get("Location"); e.Title == "" && to != "" {
			e.Detail = fmt.Sprintf("it redirects to %q; give the base URL to which it redirects", to)
		}
		return e
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return r.unanswered(ctx, err)
	case len(answer) > maxAnswer:
		return &outage{errTooMuch}
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return r.foreign(err.Error())
	}
	return nil
}

// foreign returns the error for an answer that is a success and not what the server answers.
func (r *request) foreign(why string) error { return &Error{Status: r.status, Detail: why} }

// unanswered returns the error of an attempt without a whole answer.
func (r *request) unanswered(ctx context.Context, err error) error {
	wrapped := &url.Error{Op: r.method, URL: r.url.Redacted(), Err: err}
	_ = errors.As(err, &wrapped)
	wrapped.Err = asCause(ctx, wrapped.Err)
	return &outage{wrapped}
}
