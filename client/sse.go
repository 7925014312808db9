package client

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/r3labs/sse/v2"
)

// sseTransport reads one event stream (HTML, section 9.2) with r3labs' client. The follower reconnects.
type sseTransport struct{}

// plainEvent is the type of an event that does not name one (HTML, section 9.2.6).
const plainEvent = "message"

// once is a strategy for r3labs' client that never reconnects.
type once struct{}

func (once) NextBackOff() time.Duration { return -1 }
func (once) Reset()                     {}

func (sseTransport) read(ctx context.Context, s *session) error {
	stream := sse.NewClient(s.question().String())
	stream.Connection = s.http
	return s.events(ctx, stream, func() {}, func(e *sse.Event) (more bool, err error) {
		if d, ok := parseRetry(string(e.Retry)); ok {
			s.retry = d
		}
		if string(e.Event) == "transport" {
			return false, move(e.Data)
		}
		if len(e.Data) == 0 {
			return true, nil
		}
		return s.subject.message(s, string(e.Event), e.Data)
	})
}

// events reads one event stream until take wants no more. opened is called when the server has answered with a stream.
func (s *session) events(ctx context.Context, stream *sse.Client, opened func(), take func(e *sse.Event) (more bool, err error)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	most := s.o.MaxUpdate + maxFraming
	sse.ClientMaxBufferSize(most)(stream)
	stream.ReconnectStrategy = once{}
	stream.ResponseValidator = func(_ *sse.Client, resp *http.Response) error {
		if err := isEventStream(resp); err != nil {
			resp.Body.Close()
			return err
		}
		body := resp.Body
		if resp.Uncompressed {
			body = withoutTrailer{body}
		}
		resp.Body = newEvents(body, most)
		opened()
		return nil
	}
	var failed error
	done := false
	err := stream.SubscribeRawWithContext(ctx, func(e *sse.Event) {
		if done {
			return
		}
		if more, err := take(e); !more || err != nil {
			failed, done = err, true
			stop()
		}
	})
	switch {
	case done:
		return failed
	case err == nil && ctx.Err() != nil: // r3labs' client returns nil when its context ends
		return ctx.Err()
	}
	return err
}

func isEventStream(resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return refused(resp)
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || kind != "text/event-stream" {
		return &failure{err: errors.New("the answer is not an event stream"), unusable: true}
	}
	return nil
}

// parseRetry parses the retry field: milliseconds in ASCII digits. ok is false for anything else.
func parseRetry(field string) (d time.Duration, ok bool) {
	if field == "" || strings.Trim(field, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(field, 10, 64)
	if err != nil { // too many digits
		return longestStay, true
	}
	return time.Duration(min(n, longestStay.Milliseconds())) * time.Millisecond, true
}
