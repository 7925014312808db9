package motacilla

import (
	"errors"
	"fmt"
	"time"
)

// The errors that cross a port. They are wrapped with the operation and the thing. Compare them with errors.Is.
var (
	// ErrNotFound: there is no such channel or post.
	ErrNotFound = errors.New("not found")
	// ErrExists: a channel with this ID, or a post with this ID or message ID, exists already.
	ErrExists = errors.New("exists already")
	// ErrDeleted: a post with this message ID existed and was removed. It is not created again.
	ErrDeleted = errors.New("has been removed")
	// ErrConflict: what a write was to replace is not what is stored any more. Read it and try again.
	ErrConflict = errors.New("conflicting change")
	// ErrUnavailable: the store can't be reached or can't answer now. Nothing was acknowledged that was not stored.
	ErrUnavailable = errors.New("store unavailable")
	// ErrInvalid: the input is wrong. A [FieldError] says which field is wrong and what was expected.
	ErrInvalid = errors.New("invalid")
	// ErrUnauthorized: the caller's credentials are missing or wrong.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrForbidden: the caller may not do this.
	ErrForbidden = errors.New("forbidden")
	// ErrOverloaded: the node or the channel has as many readers as it may have. A [RetryError] says when to try again.
	ErrOverloaded = errors.New("too many readers")
	// ErrTooMany: this address has too many readers or requests. A [RetryError] says when to try again.
	ErrTooMany = errors.New("too many from this address")
	// ErrClosed: the part has been shut down.
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
	Err   error
	After time.Duration // how long to wait; it must have jitter, so that not all clients come back at once
}

func (e *RetryError) Error() string { return e.Err.Error() }

func (e *RetryError) Unwrap() error { return e.Err }

// UnavailableError is an [ErrUnavailable] with a reason that clients may see.
type UnavailableError struct {
	Reason string // such as "the disk is full"; must not contain paths, addresses or queries
	Err    error
}

// Error returns the reason and the text of Err.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("%v: %s: %v", ErrUnavailable, e.Reason, e.Err)
}

// Unwrap makes the error an [ErrUnavailable] and an Err.
func (e *UnavailableError) Unwrap() []error { return []error{ErrUnavailable, e.Err} }
