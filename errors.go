package motacilla

import (
	"errors"
	"fmt"
	"time"
)

// The errors that cross a port. They are wrapped with the operation and the thing. Compare them with errors.Is: a comment
// that calls an error "an ErrInvalid" means that errors.Is(err, ErrInvalid) is true.
var (
	// ErrNotFound: there is no such channel or post.
	ErrNotFound = errors.New("not found")
	// ErrExists: a channel with this ID, or a post with this ID or message ID, exists already.
	ErrExists = errors.New("exists already")
	// ErrDeleted: a post with this message ID existed and was removed. It is not created again.
	ErrDeleted = errors.New("has been removed")
	// ErrConflict: what the write was to replace has changed since it was read. Read it again and try again.
	ErrConflict = errors.New("conflicting change")
	// ErrUnavailable: the store can't be reached or can't answer now. A write that fails with it may have been stored.
	ErrUnavailable = errors.New("store unavailable")
	// ErrInvalid: the input is wrong. A [FieldError] says which field is wrong and what was expected.
	ErrInvalid = errors.New("invalid")
	// ErrUnauthorized: the caller's credentials are missing or wrong.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrForbidden: the caller may not do this.
	ErrForbidden = errors.New("forbidden")
	// ErrOverloaded: the node or the channel has reached its limit of readers, or more writes wait than the store does in a
	// second. Nothing was done. A [RetryError] says when to try again.
	ErrOverloaded = errors.New("overloaded")
	// ErrTooMany: this address has too many readers or requests. A [RetryError] says when to try again.
	ErrTooMany = errors.New("too many from this address")
	// ErrClosed: the store, Feed or publisher that was called has been shut down.
	ErrClosed = errors.New("closed")
)

// FieldError says which field of an input is wrong and what was expected. It is an [ErrInvalid].
type FieldError struct {
	Field   string // the field's name on the wire, such as "message_id"
	Problem string // what was expected, such as "must be at most 255 bytes"
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

// Is makes every FieldError an ErrInvalid.
func (e *FieldError) Is(target error) bool { return target == ErrInvalid }

// Invalid returns a *FieldError for field. format and args make its problem, as in fmt.Sprintf.
func Invalid(field, format string, args ...any) error {
	return &FieldError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// RetryError says when trying again may succeed.
type RetryError struct {
	Err   error         // why this attempt failed, such as ErrOverloaded
	After time.Duration // how long to wait; it must have jitter, so that not all clients come back at once

	// Instead is the name of a transport that a reader may use meanwhile, such as interval-polling; empty if there is none. The
	// reader should use it for the time For, which must have jitter too, and then come back.
	Instead string
	For     time.Duration
}

func (e *RetryError) Error() string { return e.Err.Error() }

func (e *RetryError) Unwrap() error { return e.Err }

// UnavailableError is an [ErrUnavailable] with a reason that clients may see.
type UnavailableError struct {
	Reason string // such as "the disk is full"; must not contain paths, addresses or queries
	Err    error  // the cause, for logs; clients do not see it
}

// Error returns the reason and the text of Err.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("%v: %s: %v", ErrUnavailable, e.Reason, e.Err)
}

// Unwrap returns [ErrUnavailable] and Err, so that errors.Is finds both.
func (e *UnavailableError) Unwrap() []error { return []error{ErrUnavailable, e.Err} }
