package receiver

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
	"go.uber.org/zap"
)

// Verifier tells whether a request comes from the source. The error is a motacilla.ErrUnauthorized that says what is wrong with
// the request, and never what would be right. A Verifier must compare secrets in constant time.
type Verifier interface {
	Verify(h http.Header, body []byte, now time.Time) error
}

// VerifierFunc is a function that is a Verifier.
type VerifierFunc func(h http.Header, body []byte, now time.Time) error

// Verify calls f.
func (f VerifierFunc) Verify(h http.Header, body []byte, now time.Time) error { return f(h, body, now) }

// SecretHeader returns the Verifier of a source that sends a secret in a header of this name, as Telegram does. prefix stands
// before the secret, such as "Bearer ".
func SecretHeader(name, prefix, secret string) Verifier {
	return VerifierFunc(func(h http.Header, _ []byte, _ time.Time) error {
		values := h.Values(name)
		if secret == "" || len(values) != 1 || subtle.ConstantTimeCompare([]byte(values[0]), []byte(prefix+secret)) != 1 {
			return fmt.Errorf("%s is missing or wrong: %w", name, motacilla.ErrUnauthorized)
		}
		return nil
	})
}

// Hook is the handler of a route that a source calls: a webhook. It takes only POST, reads the body, has it verified, and only
// then handles it. The answer is 200 if Handle returns nil. If the source need not deliver it again, because it is of no use here,
// Handle must return nil too. An ErrUnauthorized is a 401, an ErrInvalid a 400, an [Unprocessable] a 422, and what a later
// delivery may cure a 503.
type Hook struct {
	Receiver string // its name, for metrics and logs
	Verify   Verifier
	Handle   func(ctx context.Context, d Request) (Answer, error)
	MaxBody  int64 // bytes; 0 means 1 MiB
	Metrics  *Metrics
	Logger   *zap.Logger
}

// Request is what a source sent, after it was verified.
type Request struct {
	Header http.Header
	Body   []byte
	Path   func(name string) string // the wildcards of the route's pattern
}

// Answer is what the source gets. The zero Answer is an empty 200.
type Answer struct {
	Type string // of Body, such as text/plain
	Body []byte
}

const defaultMaxBody = 1 << 20

// ServeHTTP handles one delivery.
func (h *Hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodPost) {
		return
	}
	answer, err := h.take(w, r)
	switch {
	case err == nil:
		h.Metrics.Count(h.Receiver, Taken)
		if answer.Type != "" {
			w.Header().Set("Content-Type", answer.Type)
		}
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(answer.Body)
		return
	case r.Context().Err() != nil, errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("%w: %w", motacilla.ErrUnavailable, err)
	}
	result, problem := Failed, route.ProblemOf(err)
	if errors.As(err, new(unprocessable)) {
		problem.Status = http.StatusUnprocessableEntity
	}
	if status := problem.Status; status < http.StatusInternalServerError {
		result = Refused
		h.logger().Info("delivery refused", zap.Int("status", status), zap.Error(err))
	} else {
		h.logger().Error("delivery failed", zap.Int("status", status), zap.Error(err))
	}
	h.Metrics.Count(h.Receiver, result)
	if problem.Status == http.StatusUnprocessableEntity {
		route.WriteProblem(w, problem)
		return
	}
	route.WriteError(w, r, err)
}

// Unprocessable returns err, an ErrInvalid, as the error of a delivery that is well formed, but of which no message can be made.
// [Hook] answers it with 422.
func Unprocessable(err error) error { return unprocessable{err} }

type unprocessable struct{ error }

func (u unprocessable) Unwrap() error { return u.error }

func (h *Hook) take(w http.ResponseWriter, r *http.Request) (Answer, error) {
	most := h.MaxBody
	if most <= 0 {
		most = defaultMaxBody
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		w.Header().Set("Connection", "close") // otherwise the answer waits for the rest of the body
		return Answer{}, motacilla.Invalid("body", "must be at most %d bytes", most)
	case err != nil:
		return Answer{}, motacilla.Invalid("body", "could not be read to its end")
	}
	if err := h.Verify.Verify(r.Header, body, time.Now()); err != nil {
		return Answer{}, err
	}
	return h.Handle(r.Context(), Request{r.Header, body, r.PathValue})
}

func (h *Hook) logger() *zap.Logger {
	if h.Logger == nil {
		return zap.NewNop()
	}
	return h.Logger
}
