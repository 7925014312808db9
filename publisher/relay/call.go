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

// Call posts body to a hub, and returns the body of an answer that has a status of 200 to 299. Any other answer is an error of
// the kind that [Hub] expects. 400, 413, 415 and 422 say that the message is wrong: the error is permanent. Everything else is
// tried again: a wrong key or address is mended by the operator, and nothing must be lost until then. Errors name the host, the
// status, and the beginning of the answer; no header, and no other part of the URL.
func Call(ctx context.Context, client *outbound.Client, url string, header http.Header, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("the hub's URL is wrong")
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
	err = fmt.Errorf("%s answers %s: %.200q", req.URL.Host, resp.Status, answer)
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return nil, work.Permanent(err)
	}
	if d := retryAfter(resp.Header); d > 0 {
		return nil, work.RetryAfter(d, err)
	}
	return nil, err
}

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
