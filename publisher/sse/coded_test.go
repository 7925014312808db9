package sse

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/internal/liveblog"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
)

// raw is a stream as it comes, after its first event.
type rawStream struct{ io.ReadCloser }

// rawFrom opens a stream at a cursor and reads its first event.
func (s *site) rawFrom(coding string, cursor motacilla.Revision) rawStream {
	s.Helper()
	resp := s.Do(http.MethodGet, path(match, "?since="+cursor.String()), "Accept-Encoding", coding)
	for _, l := range compress.Streams(compress.All()) {
		if string(l.Coding) != coding {
			continue
		}
		r := rawStream{resp.Body}
		r.take(s, len(l.Head))
		r.take(s, len(l.Plain(nil, []byte("retry: 1234\n"))))
		r.take(s, len(l.Append(nil, eventOf(s, cursor, cursor)))) // a heartbeat: too short to be compressed
		return r
	}
	s.Fatalf("there is no stream of %q", coding)
	return rawStream{}
}

func (r rawStream) take(s *site, n int) []byte {
	s.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		s.Fatal(err)
	}
	return b
}

// eventOf returns the event that leads from one revision to the other, without compression.
func eventOf(s *site, from, to motacilla.Revision) []byte {
	s.Helper()
	d, err := s.Feed.Since(s.Context(), match, from)
	if err != nil || d.Revision != to {
		s.Fatalf("%v: %+v, want one to %d", err, d, to)
	}
	return event.Append(nil, d.Update)
}

// An event is the same bytes for every reader of a coding, wherever its stream began, and is compressed once.
func TestSameBytes(t *testing.T) {
	for _, l := range compress.Streams(compress.All()) {
		t.Run(string(l.Coding), func(t *testing.T) {
			s := open(t, settings{})
			s.post("before")
			var readers []rawStream
			for i, text := range liveblog.Posts()[:8] {
				from := s.head()
				readers = append(readers, s.rawFrom(string(l.Coding), from), s.rawFrom(string(l.Coding), from))
				before := s.Feed.Metrics().Counters().Encodings
				p := s.post(text)
				want := l.Append(nil, eventOf(s, from, p.Revision))
				for j, r := range readers {
					if got := r.take(s, len(want)); !bytes.Equal(got, want) {
						t.Fatalf("post %d: reader %d got other bytes", i, j)
					}
				}
				if n := s.Feed.Metrics().Counters().Encodings - before; n != 1 {
					t.Errorf("post %d was encoded %d times for %d readers, want once", i, n, len(readers))
				}
			}
			for _, r := range readers {
				_ = r.Close()
			}
		})
	}
}

// Events of private channels are sent as they are, inside of the coding.
func TestPrivateStored(t *testing.T) {
	for _, c := range connections {
		if c.coding == "" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			s := open(t, settings{connection: c})
			resp := s.Do(http.MethodGet, path(members, ""), "Authorization", "Bearer "+secret, "Accept-Encoding", c.coding)
			body := bufio.NewReader(resp.Body)
			for i := range 4 {
				text := fmt.Sprint("Post ", i, strings.Repeat(", and what can be compressed", 20))
				s.Post(members, text)
				for line := ""; !strings.Contains(line, text); {
					var err error
					if line, err = body.ReadString('\n'); err != nil || strings.Contains(line, `"renders":{}`) && i > 0 {
						t.Fatalf("post %d did not come as it is: %q, %v", i, line, err)
					}
				}
			}
			_ = resp.Body.Close()
		})
	}
}

// Without compression in the configuration there is none, and no cache need care.
func TestCompressionOff(t *testing.T) {
	s := open(t, settings{feed: publisher.FeedOptions{Compression: []string{}}})
	s.post(liveblog.Posts()[0])
	resp := s.Do(http.MethodGet, path(match, ""), "Accept-Encoding", "gzip, zstd, br")
	if got := resp.Header.Get("Content-Encoding"); got != "" || slices.Contains(resp.Header.Values("Vary"), "Accept-Encoding") {
		t.Errorf("got %v", resp.Header)
	}
	_ = resp.Body.Close()
	s = open(t, settings{feed: publisher.FeedOptions{Compression: []string{"gzip"}}})
	resp = s.Do(http.MethodGet, path(match, ""), "Accept-Encoding", "gzip;q=0.1, zstd, br")
	if got := resp.Header.Get("Content-Encoding"); got != "gzip" {
		t.Errorf("got the coding %q, want the only one that there is", got)
	}
	_ = resp.Body.Close()
}

// FuzzEvents has a stream of any updates, from any of them on, read by the decoders of others.
func FuzzEvents(f *testing.F) {
	for i, p := range liveblog.Posts() {
		f.Add(p, int64(i), uint8(i))
	}
	f.Fuzz(func(t *testing.T, text string, revision int64, from uint8) {
		var events [][]byte
		updates := make([]*motacilla.Update, 4)
		for i := range updates {
			updates[i] = &motacilla.Update{
				Channel: publishertest.Channel, From: motacilla.Revision(revision), Revision: motacilla.Revision(revision) + motacilla.Revision(i),
				Renders: []motacilla.Render{{Show: true, Content: strings.Repeat(text, i)}},
			}
			events = append(events, event.Append(nil, updates[i]))
		}
		first := int(from) % len(events)
		for _, l := range compress.Streams(compress.All()) {
			form := newForm(l, 0)
			body := []byte(form.head)
			for _, u := range updates[first:] {
				body = form.wire.Format.Append(body, u)
				body = form.wire.Private.Append(body, u)
			}
			body = append(body, form.wire.CloseMessage(publisher.EndDrain)...)
			resp := &http.Response{Body: io.NopCloser(bytes.NewReader(body)), Header: http.Header{"Content-Encoding": {string(l.Coding)}}}
			got, err := io.ReadAll(decoded(resp))
			if err != nil {
				t.Fatalf("%s: %v", l.Coding, err)
			}
			var want []byte
			for _, e := range events[first:] {
				want = append(append(want, e...), e...)
			}
			if !bytes.HasPrefix(got, want) || !bytes.HasPrefix(got[len(want):], []byte("retry: ")) {
				t.Fatalf("%s: got %q, want %q and a retry", l.Coding, got, want)
			}
		}
	})
}

// rendered returns an update for each post of the live blogs, as the page's templates render it.
func rendered(t testing.TB) (updates []*motacilla.Update) {
	t.Helper()
	s := publishertest.NewSite(t, &publishertest.SiteOptions{Renderer: page.NewRenderer()})
	for _, html := range liveblog.Posts() {
		from := s.Head(match)
		p := motacilla.Post{
			Author: "Ana Ferreira", Source: "webapp", Show: true, Content: []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(html))},
		}
		if _, err := s.Store.PutPost(t.Context(), match, p, 0); err != nil {
			t.Fatal(err)
		}
		s.Eventually("the post is read", func() bool {
			d, err := s.Feed.Since(t.Context(), match, from)
			if err != nil || d.Heartbeat() {
				return false
			}
			updates = append(updates, d.Update)
			return true
		})
	}
	return updates
}

// On posts of live blogs, compressed events have at most 0.65 of the bytes.
func TestRatio(t *testing.T) {
	plain, sizes := 0, map[compress.Coding]int{}
	for _, u := range rendered(t) {
		n := len(event.Append(nil, u))
		plain += n
		for _, l := range compress.Streams(compress.All()) {
			sizes[l.Coding] += len(newForm(l, 0).wire.Format.Append(nil, u))
		}
	}
	for c, n := range sizes {
		ratio := float64(n) / float64(plain)
		t.Logf("%s: %.3f of %d bytes", c, ratio, plain/len(liveblog.Posts()))
		if ratio > 0.65 {
			t.Errorf("%s has %.3f of the bytes, want 0.65 at most", c, ratio)
		}
	}
}
