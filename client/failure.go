package client

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
)

// errOrderly means that the server ended the connection in good order, as in a drain.
var errOrderly = errors.New("the server ended the connection")

// failure is the error of a connection that could not be made, or that broke, and says what follows from it.
type failure struct {
	err      error
	unusable bool          // the transport does not work on this network; another may
	own      bool          // the server itself refused: it is not the transport's fault
	after    time.Duration // how long the server asks to wait
}

func (f *failure) Error() string { return f.err.Error() }

func (f *failure) Unwrap() error { return f.err }

// unusable reports whether another transport should be tried.
func unusable(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.unusable
}

// own reports whether the server itself refused.
func own(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.own
}

// final reports whether another attempt would be useless.
func final(err error) bool {
	for _, known := range []error{
		motacilla.ErrNotFound, motacilla.ErrForbidden, motacilla.ErrUnauthorized, motacilla.ErrInvalid, ErrNoTransport,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// refused returns the error of Follow for an answer with a status other than 200. It reads the body and does not close it.
//
// An answer that is not the server's own comes from something in between, such as a proxy whose server restarts. Its 5xx,
// 408, 425 and 429 mean that the transport does not work now; its other statuses mean that the transport does not work
// here. An answer that names another transport is a *moved.
func refused(resp *http.Response) error {
	e, _ := problemOf(resp)
	return refusal(e)
}

// refusal returns the error of Follow for a refusal of the server, or of something in between.
func refusal(e *Error) error {
	if errors.Is(e, motacilla.ErrDeleted) { // a channel that was removed
		e.kind = motacilla.ErrNotFound
	}
	if e.moved != nil {
		return e.moved
	}
	f := &failure{err: e, own: e.Title != "", after: e.RetryAfter}
	switch status := e.Status; {
	case passing(status),
		status >= 500 && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported:
	case f.own:
		f.unusable = !final(e)
	default:
		f.unusable = true
	}
	return f
}

// longestStay is the longest wait that a server may ask for.
const longestStay = time.Hour

// retryAfter parses the header Retry-After (RFC 9110, section 10.2.3): seconds or a date. It returns 0 if there is none.
func retryAfter(field string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(field, 10, 32); err == nil {
		return min(time.Duration(n)*time.Second, longestStay)
	}
	at, err := http.ParseTime(field)
	if err != nil {
		return 0
	}
	return max(0, min(at.Sub(now), longestStay))
}
