package polling_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/liveblog"
	"github.com/motacilla-live/motacilla/publisher/polling"
)

// whole reads an answer, and what it is without its coding.
func (l *line) whole() (head http.Header, sent []byte, u motacilla.Update) {
	l.Helper()
	resp, err := http.ReadResponse(l.in, nil)
	if err != nil {
		l.Fatal(err)
	}
	defer resp.Body.Close()
	if sent, err = io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		l.Fatalf("%s, %v", resp.Status, err)
	}
	var r io.Reader = bytes.NewReader(sent)
	switch resp.Header.Get("Content-Encoding") {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "br":
		r = brotli.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	}
	if err != nil {
		l.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err == nil {
		err = u.UnmarshalJSON(body)
	}
	if err != nil {
		l.Fatalf("%q: %v", body, err)
	}
	return resp.Header, sent, u
}

// Held requests are answered in the coding that their reader likes, with one encoding for all, again and again on one connection.
func TestHeldInCodings(t *testing.T) {
	for name, goroutines := range map[string]bool{"parked": false, "goroutines": true} {
		t.Run(name, func(t *testing.T) {
			s, handled := openCounted(t, &polling.LongOptions{Goroutines: goroutines})
			codings := []string{"gzip", "br", "zstd", "", "gzip", "br", "zstd", ""}
			var lines []*line
			for range codings {
				lines = append(lines, s.dial(t))
			}
			at := s.head()
			for i, text := range liveblog.Posts()[:4] {
				for j, l := range lines {
					header := ""
					if codings[j] != "" {
						header = "Accept-Encoding: " + codings[j] + "\r\n"
					}
					l.say(request(at, header))
				}
				s.Eventually("all are held", func() bool { return s.Stats("long-polling").Readers.Load() == int64(len(lines)) })
				before := s.Feed.Metrics().Counters().Encodings
				p := s.post(text)
				first := map[string][]byte{}
				for j, l := range lines {
					head, sent, u := l.whole()
					if got := head.Get("Content-Encoding"); got != codings[j] || u.From != at || u.Revision != p.Revision || head.Get("Vary") != "Accept-Encoding" {
						t.Fatalf("post %d, %q: got the headers %v and an update from %d to %d", i, codings[j], head, u.From, u.Revision)
					}
					if other := first[codings[j]]; other != nil && !bytes.Equal(other, sent) {
						t.Errorf("post %d, %q: two readers got other bytes", i, codings[j])
					}
					first[codings[j]] = sent
				}
				if n := s.Feed.Metrics().Counters().Encodings - before; n != 4 {
					t.Errorf("post %d was encoded %d times, want once in each form", i, n)
				}
				at = p.Revision
			}
			if n := handled.Load(); !goroutines && n != int64(len(lines)) {
				t.Errorf("%d requests passed through the handlers, want %d", n, len(lines))
			}
			short := s.dial(t)
			short.say(request(at, "Accept-Encoding: gzip\r\n"))
			s.isParked()
			s.post("x")
			if head, _, u := short.whole(); len(u.Renders) != 1 {
				t.Errorf("a short update: %v %+v", head, u)
			}
			for _, l := range append(lines, short) {
				l.Close()
			}
		})
	}
}

// A heartbeat is too short to be compressed, and does not vary: a cache keeps one for everyone. What is new varies, and has a tag
// for each coding.
func TestIntervalInCodings(t *testing.T) {
	s := open(t, nil, nil, nil)
	at := s.head()
	ask := func(since motacilla.Revision, coding, tag string) *http.Response {
		t.Helper()
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.interval()+"?since="+since.String(), nil)
		r.Header.Set("Accept-Encoding", coding)
		if tag != "" {
			r.Header.Set("If-None-Match", tag)
		}
		resp, err := s.server.HTTP.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp
	}
	idle, plain := ask(at, "gzip", ""), ask(at, "identity", "")
	if idle.Header.Get("Vary") != "" || idle.Header.Get("ETag") != plain.Header.Get("ETag") || idle.Header.Get("Content-Encoding") != "" {
		t.Errorf("a heartbeat: %v", idle.Header)
	}
	if again := ask(at, "gzip", idle.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("a heartbeat again: %s", again.Status)
	}
	s.post(strings.Repeat(liveblog.Posts()[0], 2))
	tags := map[string]bool{}
	for _, coding := range []string{"identity", "gzip", "br", "zstd"} {
		resp := ask(at, coding, "")
		tag := resp.Header.Get("ETag")
		if want := strings.TrimPrefix(coding, "identity"); resp.Header.Get("Content-Encoding") != want || resp.Header.Get("Vary") != "Accept-Encoding" || tags[tag] {
			t.Errorf("%s: %v", coding, resp.Header)
		}
		tags[tag] = true
		again := ask(at, coding, tag)
		if again.StatusCode != http.StatusNotModified || again.Header.Get("ETag") != tag || again.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s again: %s %v", coding, again.Status, again.Header)
		}
		if other := ask(at, map[bool]string{true: "gzip", false: "identity"}[coding == "identity"], tag); other.StatusCode != http.StatusOK {
			t.Errorf("the tag of %s in another coding: %s", coding, other.Status)
		}
	}
}
