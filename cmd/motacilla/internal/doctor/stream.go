package doctor

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

var errNoEvent = errors.New("no event came in time")

// stream opens an event stream, as a browser does.
func (d *doctor) stream(ctx context.Context) []Check {
	first, beat := Check{Name: "event-stream", Status: NotTested}, Check{Name: "event-stream-heartbeat", Status: NotTested}
	squeezed := Check{Name: "event-stream-compression", Status: NotTested}
	u := d.offers["sse"]
	if u == nil {
		first.Seen = "sse is not offered"
		beat.Seen, squeezed.Seen = first.Seen, first.Seen
		return []Check{first, squeezed, beat}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began := time.Now()
	late := time.AfterFunc(d.o.First, func() { cancel(errNoEvent) })
	defer late.Stop()
	s, err := d.open(ctx, since(u, d.head, ""))
	if err == nil {
		defer s.Close()
		err = s.event()
	}
	if err != nil {
		first = unopened(first, because(ctx, err), time.Since(began))
		beat.Seen, squeezed.Seen = "the stream did not begin", "the stream did not begin"
		return []Check{first, squeezed, beat}
	}
	late.Stop()
	first = d.opened(first, s, time.Since(began))
	squeezed = compression(squeezed, s)
	if d.o.Fast {
		beat.Seen = "left out (--fast)"
		return []Check{first, squeezed, beat}
	}
	began = time.Now()
	late = time.AfterFunc(d.o.Heartbeat, func() { cancel(errNoEvent) })
	defer late.Stop()
	beat = heartbeat(beat, because(ctx, s.event()), time.Since(began), d.o.Heartbeat)
	return []Check{first, squeezed, beat}
}

// opened returns the check of a stream whose first event has come.
func (d *doctor) opened(c Check, s *events, took time.Duration) Check {
	c.Status, c.Seen = OK, fmt.Sprintf("the first event came after %s", seconds(took))
	if !strings.Contains(strings.ToLower(s.header.Get("Cache-Control")), "no-store") {
		c.Status = Failure
		c.Seen += fmt.Sprintf(", but Cache-Control is %q, where the server says no-store", s.header.Get("Cache-Control"))
		c.Change = "do not change Cache-Control on the way: a cache may keep the stream"
		c.Nginx = "# remove from the location: expires ...; proxy_hide_header Cache-Control; add_header Cache-Control ...;"
		return c
	}
	if s.header.Get("X-Accel-Buffering") == "" {
		c.Seen += "; X-Accel-Buffering was taken off, as nginx does that obeys it"
	}
	return c
}

// unopened returns the check of a stream that brought no event.
func unopened(c Check, err error, took time.Duration) Check {
	c.Status = Failure
	var refused *refusedStream
	switch {
	case errors.As(err, &refused):
		c.Seen, c.Change, c.Nginx = refused.Error(), "pass the path on to the server as it is", proxyPass
	case errors.Is(err, errNoEvent):
		c.Seen = fmt.Sprintf("no event within %s: something on the way holds the stream back until it is complete", seconds(took))
		c.Change = "do not buffer answers; and do not take X-Accel-Buffering: no off before the proxy that obeys it"
		c.Nginx = "proxy_buffering off;\n# remove: proxy_ignore_headers X-Accel-Buffering;"
	default:
		c.Seen = fmt.Sprintf("the stream broke off after %s, before its first event: %v", seconds(took), err)
		c.Change, c.Nginx = "do not bound the time of answers so tightly", "proxy_read_timeout 75s;"
	}
	return c
}

func compression(c Check, s *events) Check {
	c.Status, c.Seen = OK, "events are not compressed"
	switch {
	case s.own:
		c.Seen = "events are compressed by the server (" + s.encoding + "), once for all readers"
	case s.encoding != "":
		c.Status = Warning
		c.Seen = "something on the way compresses events (" + s.encoding + "): each reader costs it a compressor, and some " +
			"hold events back until there is enough to compress"
		c.Change = "leave text/event-stream out of what is compressed"
		c.Nginx = "# remove text/event-stream, or *, from: gzip_types ...;"
	}
	return c
}

// heartbeat returns the check of the silence after the first event. err is the error of waiting for the next event.
func heartbeat(c Check, err error, took, most time.Duration) Check {
	switch {
	case err == nil:
		c.Status, c.Seen = OK, fmt.Sprintf("the next event came after %s", seconds(took))
	case errors.Is(err, errNoEvent):
		c.Status = Failure
		c.Seen = fmt.Sprintf("no heartbeat within %s: it is held back on the way, or feed.heartbeat is longer", seconds(most))
		c.Change, c.Nginx = "do not buffer answers; keep feed.heartbeat at 15s or so", "proxy_buffering off;"
	default:
		c.Status = Failure
		c.Seen = fmt.Sprintf("cut off after %s of silence: %v", seconds(took), err)
		c.Change = "allow longer silence on the way, or shorten feed.heartbeat (15s unless configured)"
		c.Nginx = "proxy_read_timeout 75s;"
	}
	return c
}

// refusedStream is the error of an answer that is no event stream.
type refusedStream struct{ text string }

func (e *refusedStream) Error() string { return e.text }

// ownGzip is how the server's streams of gzip begin: no time, no system, and a block that is not compressed. The streams of
// others have one of these, or compress what comes first.
const ownGzip = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x00"

// events is an event stream.
type events struct {
	io.Closer
	header   http.Header
	encoding string
	own      bool // the server itself has compressed it, and not something on the way
	lines    *bufio.Scanner
}

func (d *doctor) open(ctx context.Context, target string) (*events, error) {
	req, err := d.request(ctx, http.MethodGet, target, "Accept", "text/event-stream", "Accept-Encoding", "gzip")
	if err != nil {
		return nil, err
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return nil, err
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode != http.StatusOK || kind != "text/event-stream" {
		resp.Body.Close()
		return nil, &refusedStream{fmt.Sprintf("answered with %s and Content-Type %q, not an event stream", resp.Status,
			resp.Header.Get("Content-Type"))}
	}
	s := &events{Closer: resp.Body, header: resp.Header, encoding: resp.Header.Get("Content-Encoding")}
	var body io.Reader = resp.Body
	if s.encoding == "gzip" {
		from := bufio.NewReader(resp.Body)
		if begin, err := from.Peek(len(ownGzip)); err == nil {
			s.own = string(begin) == ownGzip
		}
		if body, err = gzip.NewReader(from); err != nil {
			resp.Body.Close()
			return nil, err
		}
	}
	s.lines = bufio.NewScanner(body)
	s.lines.Buffer(nil, maxAnswer)
	return s, nil
}

// event waits for a complete event with data.
func (s *events) event() error {
	data := false
	for s.lines.Scan() {
		line := s.lines.Text()
		switch {
		case strings.HasPrefix(line, "data:"):
			data = true
		case line == "" && data:
			return nil
		}
	}
	if err := s.lines.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}
