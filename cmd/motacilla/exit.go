package main

import (
	"errors"
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
)

// The exit codes. "motacilla --help" and docs/command-line.md list them.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitNotAllowed  = 4
	exitUnavailable = 5
)

const exitCodes = `Exit codes:
  0  done
  1  failed; also: a check of doctor failed
  2  wrong usage: a command, flag or argument
  3  there is no such channel, post, draft or token
  4  the server wants a token, or does not permit it with this one
  5  the server can't be reached, or can't answer now: try again`

// failed is an error of a command that was used correctly. An error without one of these types is one of usage.
type failed struct{ error }

func (f failed) Unwrap() error { return f.error }

// coded is an error with its own exit code.
type coded struct {
	error
	code int
}

func (c coded) Unwrap() error { return c.error }

// misused returns an error of usage that a command's work found.
func misused(err error) error { return coded{err, exitUsage} }

// exitCode returns the program's exit code.
func exitCode(err error) int {
	var c coded
	var answer *client.Error
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &c):
		return c.code
	case errors.As(err, &answer):
		return answerCode(answer)
	case !errors.As(err, &failed{}):
		return exitUsage
	case errors.Is(err, motacilla.ErrUnauthorized), errors.Is(err, motacilla.ErrForbidden):
		return exitNotAllowed
	case errors.Is(err, motacilla.ErrUnavailable):
		return exitUnavailable
	}
	return exitFailure
}

// answerCode returns the exit code for an answer of the server, or of a proxy before it.
func answerCode(e *client.Error) int {
	switch e.Status {
	case http.StatusNotFound, http.StatusGone:
		if e.Title != "" {
			return exitNotFound
		}
	case http.StatusUnauthorized, http.StatusForbidden:
		return exitNotAllowed
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return exitUnavailable
	}
	return exitFailure
}
