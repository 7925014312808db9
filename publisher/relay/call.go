package relay

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/work"
)

// maxAnswer is the most that is read of a hub's answer.
const maxAnswer = 64 << 10

// AnswerError is an answer of a hub that is no success. [Call] returns it, wrapped.
type AnswerError struct {
	Host   string
	Status int
	Body   []byte // its beginning
}

func (e *AnswerError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%s answers %d %s", e.Host, e.Status, http.StatusText(e.Status))) + fmt.Sprintf(": %.200q", e.Body)
}

// Call posts body to a hub, and returns the body of an answer that has a status of 200 to 299. Any other answer is an error of
// the kind that [Hub] expects. 400, 413, 415 and 422 say that the message is wrong: the error is permanent. Everything else is
// tried again: a wrong key or address is mended by the operator, and nothing must be lost until then. Errors name the host, the
// status, and the beginning of the answer; no header, and no other part of the URL.
func Call(ctx context.Context, client *outbound.Client, url string, header http.Header, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("the hub's URL is wrong")
	}
	if held, ok := ctx.Value(heldKey{}).(func() bool); ok && len(body) > 0 {
		req.GetBody = func() (io.ReadCloser, error) { return &guarded{bytes.NewReader(body), held}, nil }
		req.Body, _ = req.GetBody()
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", req.URL.Host, err)
	}
	if resp.StatusCode/100 == 2 {
		return answer, nil
	}
	err = &AnswerError{Host: req.URL.Host, Status: resp.StatusCode, Body: answer}
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return nil, work.Permanent(err)
	}
	if d := retryAfter(resp.Header); d > 0 {
		return nil, work.RetryAfter(d, err)
	}
	return nil, err
}

// heldKey is the key of the context's function that says whether this node still leads.
type heldKey struct{}

// guarded is a body that ends with an error if this node no longer leads. It is read just before it is written. So a process
// that stood still between the beginning of a push and its writing does not write when it goes on.
type guarded struct {
	*bytes.Reader
	held func() bool
}

func (g *guarded) Read(p []byte) (int, error) {
	if !g.held() {
		return 0, errNotHeld
	}
	return g.Reader.Read(p)
}

// WriteTo is there so that that of Reader is not used.
func (g *guarded) WriteTo(w io.Writer) (int64, error) {
	if !g.held() {
		return 0, errNotHeld
	}
	return g.Reader.WriteTo(w)
}

// Close implements io.Closer.
func (g *guarded) Close() error { return nil }

// retryAfter returns what RFC 9110, section 10.2.3, says of when to come back; 0 if it says nothing.
func retryAfter(h http.Header) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return time.Until(at)
	}
	return 0
}
