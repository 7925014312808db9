package route

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Problem is an error as clients get it, as application/problem+json (RFC 9457).
type Problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`            // WriteProblem fills in the status's text if it is empty
	Detail string `json:"detail,omitempty"` // what is wrong with this request
	Field  string `json:"field,omitempty"`  // the input field that is wrong

	// For a reader that may use another transport meanwhile: its name, and for how many seconds. See motacilla.RetryError.
	Transport string `json:"transport,omitempty"`
	For       int    `json:"for,omitempty"`
}

// ErrOtherOrigin is an ErrForbidden: a page of another site has made the browser send a request that may change something.
var ErrOtherOrigin = fmt.Errorf("write from another origin: %w", motacilla.ErrForbidden)

// WriteProblem writes p as the whole answer.
func WriteProblem(w http.ResponseWriter, p Problem) {
	if p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	body, _ := json.Marshal(p) // strings and an int always encode
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	_, _ = w.Write(body)
}

// RetryAfter is how long a client is asked to wait if no [motacilla.RetryError] gives a time.
const RetryAfter = 2 * time.Second

// WriteError writes err as a problem. If a later try may succeed, it sets Retry-After (RFC 9110), in whole seconds,
// rounded up. An error that is not one of the root package's is a 500 without its text.
func WriteError(w http.ResponseWriter, _ *http.Request, err error) {
	p := ProblemOf(err)
	switch p.Status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		w.Header().Set("Retry-After", retryAfter(err))
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	WriteProblem(w, p)
}

func retryAfter(err error) string { return strconv.Itoa(RetrySeconds(err)) }

// RetrySeconds returns what [WriteError] puts into Retry-After. It is 0 if a later try is of no use.
func RetrySeconds(err error) int {
	switch ProblemOf(err).Status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
	default:
		return 0
	}
	after := RetryAfter
	if retry := (*motacilla.RetryError)(nil); errors.As(err, &retry) && retry.After > 0 {
		after = retry.After
	}
	return seconds(after)
}

// seconds returns d in whole seconds, rounded up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// ProblemOf returns the problem that [WriteError] writes for err. Its status follows from the root package's error that err
// wraps.
func ProblemOf(err error) Problem {
	var field *motacilla.FieldError
	for _, known := range []struct {
		err    error
		status int
	}{
		{motacilla.ErrInvalid, http.StatusBadRequest},
		{motacilla.ErrNotFound, http.StatusNotFound},
		{motacilla.ErrDeleted, http.StatusGone},
		{motacilla.ErrExists, http.StatusConflict},
		{motacilla.ErrConflict, http.StatusConflict},
		{motacilla.ErrUnauthorized, http.StatusUnauthorized},
		{motacilla.ErrForbidden, http.StatusForbidden},
		{motacilla.ErrTooMany, http.StatusTooManyRequests},
		{motacilla.ErrOverloaded, http.StatusServiceUnavailable},
		{motacilla.ErrUnavailable, http.StatusServiceUnavailable},
		{motacilla.ErrClosed, http.StatusServiceUnavailable},
	} {
		if !errors.Is(err, known.err) {
			continue
		}
		p := Problem{Status: known.status, Detail: err.Error()}
		switch {
		case errors.As(err, &field):
			p.Field, p.Detail = field.Field, field.Error()
		case errors.Is(err, motacilla.ErrOverloaded):
			if retry := (*motacilla.RetryError)(nil); errors.As(err, &retry) && retry.Instead != "" {
				p.Transport, p.For = retry.Instead, seconds(retry.For)
			}
		case known.status == http.StatusServiceUnavailable:
			p.Detail = "the store can't answer now; try again"
			if reason := (*motacilla.UnavailableError)(nil); errors.As(err, &reason) {
				p.Detail = "the store can't answer now, " + reason.Reason + "; try again"
			}
		}
		return p
	}
	return Problem{Status: http.StatusInternalServerError}
}

// Allow reports whether the request's method is one of methods. If it is not, Allow answers 405, and the caller must return.
func Allow(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	list := ""
	for _, m := range methods {
		if m == r.Method {
			return true
		}
		if list != "" {
			list += ", "
		}
		list += m
	}
	w.Header().Set("Allow", list)
	WriteProblem(w, Problem{Status: http.StatusMethodNotAllowed, Detail: "use " + list})
	return false
}

// ChannelID returns the channel ID that the request's path has for {channel_id}. The error is an ErrInvalid.
func ChannelID(r *http.Request) (motacilla.ChannelID, error) {
	return motacilla.ParseChannelID(r.PathValue("channel_id"))
}
