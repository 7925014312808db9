package work

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Permanent returns err as an error after which a job is not tried again.
func Permanent(err error) error { return &permanentError{err} }

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// IsPermanent reports whether err is one of Permanent.
func IsPermanent(err error) bool {
	var permanent *permanentError
	return errors.As(err, &permanent)
}

// RetryAfter returns err as an error after which a job is tried again, but not before d has passed.
func RetryAfter(d time.Duration, err error) error { return &motacilla.RetryError{Err: err, After: d} }

// longest is the most that a job waits between two attempts, unless RetryAfter says more.
const longest = 4 * time.Hour

// final reports whether a job is given up after an attempt that failed.
func (q *Queue) final(attempt int, err error) bool {
	return IsPermanent(err) || attempt >= q.o.Attempts
}

// delay is how long a job waits after so many attempts, 1 for the first.
func (q *Queue) delay(attempt int, err error) time.Duration {
	d := longest
	if n := max(attempt-1, 0); n < 32 && q.o.Backoff < longest>>n {
		d = q.o.Backoff << n
	}
	var later *motacilla.RetryError
	if errors.As(err, &later) {
		d = max(d, later.After)
	}
	return jitter(min(d, motacilla.MaxTTL))
}

// jitter returns a time between d and 1.25 d, so that nodes do not meet again.
func jitter(d time.Duration) time.Duration { return d + rand.N(d/4+1) }
