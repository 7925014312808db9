package client

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Error is an answer by which the server refuses a call, or one that is not the server's. errors.Is finds what the server's status means:
//
//	400, 413, 415, 422   motacilla.ErrInvalid; Field names the field
//	401                  motacilla.ErrUnauthorized
//	403                  motacilla.ErrForbidden
//	404                  motacilla.ErrNotFound
//	409 to a new channel motacilla.ErrExists
//	409, 412             motacilla.ErrConflict
//	410                  motacilla.ErrDeleted
//	429                  motacilla.ErrTooMany
//	502, 503, 504        motacilla.ErrUnavailable
//
// Only 429, 502, 503 and 504 mean that if the answer is not the server's own, such as the error page of a proxy.
type Error struct {
	Status int    // of HTTP, such as 404
	Type   string // of the problem document (RFC 9457); the server leaves it out
	Title  string // what the status means; empty if the answer is not the server's own
	Detail string // what is wrong with this request; may be empty
	Field  string // the input field that is wrong, such as "content[0].value.url"; may be empty
	// RetryAfter is how long the server asks to wait. 0 means that it does not say.
	RetryAfter time.Duration

	kind  error  // an error of the root package, or nil
	moved *moved // of an answer that names another transport
}

// Error returns the status and the detail.
func (e *Error) Error() string {
	text := fmt.Sprintf("the server answered %d %s", e.Status, http.StatusText(e.Status))
	text = strings.TrimRight(text, " ")
	if e.Title == "" {
		text += ", not as Motacilla does"
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Unwrap returns the root package's error, or nil.
func (e *Error) Unwrap() error { return e.kind }

// maxProblem is how much of a problem document is read, in bytes.
const maxProblem = 4 << 10

// problemOf returns the error for an answer that is not a success. It reads the body and does not close it. Only a problem
// document with status and title (docs/wire.md) is the server's own. cut is the error of reading the body.
func problemOf(resp *http.Response) (e *Error, cut error) {
	e = &Error{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "application/problem+json" {
		var p struct {
			Status                     int
			Type, Title, Detail, Field string
			Transport                  string
			For                        int64
		}
		var body []byte
		body, cut = io.ReadAll(io.LimitReader(resp.Body, maxProblem))
		if cut == nil && json.Unmarshal(body, &p) == nil && p.Title != "" && p.Status == resp.StatusCode {
			e.Type, e.Title, e.Detail, e.Field = p.Type, p.Title, p.Detail, p.Field
			if p.Transport != "" && p.For > 0 {
				e.moved = &moved{p.Transport, p.For, int64(e.RetryAfter / time.Second)}
			}
		}
	}
	if e.Title != "" || passing(e.Status) {
		e.kind = kindOf(e.Status)
	}
	return e, cut
}

// kindOf returns the root package's error for a status, or nil.
func kindOf(status int) error {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return motacilla.ErrInvalid
	case http.StatusUnauthorized:
		return motacilla.ErrUnauthorized
	case http.StatusForbidden:
		return motacilla.ErrForbidden
	case http.StatusNotFound:
		return motacilla.ErrNotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return motacilla.ErrConflict
	case http.StatusGone:
		return motacilla.ErrDeleted
	case http.StatusTooManyRequests:
		return motacilla.ErrTooMany
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return motacilla.ErrUnavailable
	}
	return nil
}

// passing reports whether a later attempt may be answered otherwise, whoever has answered.
func passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
