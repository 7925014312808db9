package route_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

var errOwn = errors.New("password=hunter2")

func TestWriteError(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		field  string
		detail string
		header [2]string
	}{
		{motacilla.ErrInvalid, 400, "", "invalid", [2]string{}},
		{motacilla.Invalid("since", "must be %d", 1), 400, "since", "since: must be 1", [2]string{}},
		{motacilla.ErrNotFound, 404, "", "not found", [2]string{}},
		{motacilla.ErrDeleted, 410, "", "removed", [2]string{}},
		{motacilla.ErrExists, 409, "", "exists", [2]string{}},
		{motacilla.ErrConflict, 409, "", "conflicting", [2]string{}},
		{motacilla.ErrUnauthorized, 401, "", "unauthorized", [2]string{"WWW-Authenticate", "Bearer"}},
		{motacilla.ErrForbidden, 403, "", "forbidden", [2]string{}},
		{fmt.Errorf("%w: %w", motacilla.ErrUnavailable, errOwn), 503, "", "try again", [2]string{"Retry-After", "2"}},
		{motacilla.ErrClosed, 503, "", "try again", [2]string{"Retry-After", "2"}},
		{motacilla.ErrTooMany, 429, "", "too many", [2]string{"Retry-After", "2"}},
		{motacilla.ErrOverloaded, 503, "", "overloaded", [2]string{"Retry-After", "2"}},
		{&motacilla.RetryError{Err: motacilla.ErrTooMany, After: 7 * time.Second}, 429, "", "too many",
			[2]string{"Retry-After", "7"}},
		{&motacilla.RetryError{Err: motacilla.ErrOverloaded, After: 7*time.Second + 1}, 503, "", "overloaded",
			[2]string{"Retry-After", "8"}},
		{&motacilla.RetryError{Err: motacilla.ErrUnavailable}, 503, "", "try again", [2]string{"Retry-After", "2"}},
		{errOwn, 500, "", "", [2]string{}},
	} {
		for _, err := range []error{c.err, fmt.Errorf("get post: %w", c.err), errors.Join(errors.New("a"), c.err)} {
			w := httptest.NewRecorder()
			route.WriteError(w, httptest.NewRequest("GET", "/", nil), err)
			var p route.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
				t.Fatal(err)
			}
			if w.Code != c.status || p.Status != c.status || p.Title == "" || p.Field != c.field ||
				!strings.Contains(p.Detail, c.detail) || c.status == 500 && p.Detail != "" {
				t.Errorf("%v: %d %+v", err, w.Code, p)
			}
			if strings.Contains(w.Body.String(), "hunter2") {
				t.Errorf("%v: %s", err, w.Body)
			}
			h := w.Header()
			if h.Get("Content-Type") != "application/problem+json" || h.Get("Cache-Control") != "no-store" {
				t.Error(h)
			}
			if c.header[0] != "" && h.Get(c.header[0]) != c.header[1] {
				t.Errorf("%v: %v", err, h)
			}
		}
	}
}

func TestAllow(t *testing.T) {
	for method, want := range map[string]bool{"GET": true, "POST": true, "HEAD": false, "get": false, "TRACE": false} {
		w := httptest.NewRecorder()
		got := route.Allow(w, httptest.NewRequest(method, "/", nil), "GET", "POST")
		if got != want || !want && (w.Code != 405 || w.Header().Get("Allow") != "GET, POST") {
			t.Errorf("%s: %t, %d %v", method, got, w.Code, w.Header())
		}
	}
}
