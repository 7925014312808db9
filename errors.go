package motacilla

import (
	"errors"
	"fmt"
	"time"
)

// The errors that cross a port. They come wrapped with the operation and the thing; compare with errors.Is.
var (
	// ErrNotFound: there is no such channel or post.
	ErrNotFound = errors.New("not found")
	// ErrExists: a channel of this ID, or a post of this ID or message ID, is there already.
	ErrExists = errors.New("exists already")
	// ErrDeleted: a post of this message ID was there and has been removed; it is not made again.
	ErrDeleted = errors.New("has been removed")
	// ErrConflict: what a write was to replace is not what is stored any more. Read it and try again.
	ErrConflict = errors.New("conflicting change")
	// ErrUnavailable: the store can't be reached or can't answer now. Nothing was acknowledged that was not stored.
	ErrUnavailable = errors.New("store unavailable")
	// ErrInvalid: the input is wrong; a [FieldError] says which field and what was expected.
	ErrInvalid = errors.New("invalid")
	// ErrUnauthorized: the caller did not say who it is, or said it wrongly.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrForbidden: the caller may not do this.
	ErrForbidden = errors.New("forbidden")
	// ErrOverloaded: the node or the channel has as many readers as it may have; a [RetryError] says when to come again.
	ErrOverloaded = errors.New("too many readers")
	// ErrTooMany: this address has, or asks for, more than one address may; a [RetryError] says when to come again.
	ErrTooMany = errors.New("too many from this address")
	// ErrClosed: the part has been shut down.
	ErrClosed = errors.New("closed")
)

// FieldError says which field of an input is wrong and what was expected there. It is an [ErrInvalid].
type FieldError struct {
	Field   string // the field's name on the wire, such as "message_id"
	Problem string // what was expected, such as "must be at most 255 bytes"
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

// Is makes every FieldError an ErrInvalid.
func (e *FieldError) Is(target error) bool { return target == ErrInvalid }

// Invalid returns a *FieldError for field, its problem formatted as by fmt.Sprintf.
func Invalid(field, format string, args ...any) error {
	return &FieldError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// RetryError is an error after which trying again may succeed, and says when.
type RetryError struct {
	Err   error
	After time.Duration // how long to wait; whoever sets it adds jitter, so that not all come back at once
}

func (e *RetryError) Error() string { return e.Err.Error() }

func (e *RetryError) Unwrap() error { return e.Err }

// UnavailableError is an [ErrUnavailable] whose reason clients may be told.
type UnavailableError struct {
	Reason string // such as "the disk is full": nothing of paths, addresses or queries
	Err    error
}

// Error is the reason, and what happened.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("%v: %s: %v", ErrUnavailable, e.Reason, e.Err)
}

// Unwrap is for errors.Is, which finds [ErrUnavailable] too.
func (e *UnavailableError) Unwrap() []error { return []error{ErrUnavailable, e.Err} }
