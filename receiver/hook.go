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

// HeaderVerifier is a Verifier that needs no body. [Hook] asks it before it reads the body.
type HeaderVerifier func(h http.Header) error

// Verify calls f.
func (f HeaderVerifier) Verify(h http.Header, _ []byte, _ time.Time) error { return f(h) }

// SecretHeader returns the Verifier of a source that sends a secret in a header of this name, as Telegram does. prefix stands
// before the secret, such as "Bearer ".
func SecretHeader(name, prefix, secret string) Verifier {
	return HeaderVerifier(func(h http.Header) error {
		values := h.Values(name)
		if secret == "" || len(values) != 1 || subtle.ConstantTimeCompare([]byte(values[0]), []byte(prefix+secret)) != 1 {
			return fmt.Errorf("%s is missing or wrong: %w", name, motacilla.ErrUnauthorized)
		}
		return nil
	})
}

// Hook is the handler of a route that a source calls: a webhook. It takes only POST. It reads the body, has it verified, and only
// then calls Handle. If Verify is a [HeaderVerifier], a request that is not the source's is refused before its body is read.
//
// The answer is 200 if Handle returns nil. Handle must return nil too if the delivery is of no use here, so that the source does not
// send it again. An ErrUnauthorized becomes a 401, an ErrInvalid a 400, an [Unprocessable] a 422, an ErrNotFound a 404. An
// ErrUnavailable, an ErrOverloaded, or the end of the time becomes a 503, after which sources deliver again.
type Hook struct {
	Receiver string // its name, for metrics and logs
	Verify   Verifier
	Handle   func(ctx context.Context, d Request) (Answer, error)
	MaxBody  int64 // bytes; 0 means 1 MiB
	Room     *Room // for the body
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
	switch status := problem.Status; {
	case status < http.StatusInternalServerError:
		result = Refused
		h.logger().Info("delivery refused", zap.Int("status", status), zap.Error(err))
	case errors.Is(err, motacilla.ErrOverloaded): // there are many of these at a time, and the source delivers again
		h.logger().Debug("delivery put off", zap.Error(err))
	default:
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
	if early, ok := h.Verify.(HeaderVerifier); ok {
		if err := early(r.Header); err != nil {
			return Answer{}, err
		}
	}
	body, done, err := h.read(http.MaxBytesReader(w, r.Body, most), most)
	defer done()
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		w.Header().Set("Connection", "close") // otherwise the answer waits for the rest of the body
		return Answer{}, motacilla.Invalid("body", "must be at most %d bytes", most)
	case errors.Is(err, motacilla.ErrUnavailable):
		w.Header().Set("Connection", "close")
		return Answer{}, err
	case err != nil:
		return Answer{}, motacilla.Invalid("body", "could not be read to its end")
	}
	if err := h.Verify.Verify(r.Header, body, time.Now()); err != nil {
		return Answer{}, err
	}
	return h.Handle(r.Context(), Request{r.Header, body, r.PathValue})
}

// read reads a body, and takes room for it as it grows: what a request says of its length costs its sender nothing. done gives the
// room back.
func (h *Hook) read(from io.Reader, most int64) (body []byte, done func(), err error) {
	taken := int64(0)
	done = func() { h.Room.giveBack(taken) }
	body = make([]byte, 0, 4<<10)
	for {
		if len(body) == cap(body) {
			larger := min(2*int64(cap(body)), most+1)
			if larger > withoutRoom {
				if !h.Room.take(larger - taken) {
					return nil, done, &motacilla.UnavailableError{Reason: "too many large deliveries come at a time"}
				}
				taken = larger
			}
			body = append(make([]byte, 0, larger), body...)
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if errors.Is(err, io.EOF) {
			return body, done, nil
		}
		if err != nil {
			return nil, done, err
		}
	}
}

func (h *Hook) logger() *zap.Logger {
	if h.Logger == nil {
		return zap.NewNop()
	}
	return h.Logger
}
