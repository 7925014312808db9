package live_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/liveblog"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage/memory"
)

const siteSecret = "correct-horse-battery-staple"

// compressing returns a site with a public and a private channel.
func compressing(t *testing.T, codings []string) *live.Live {
	t.Helper()
	store := memory.New(nil)
	for id, access := range map[motacilla.ChannelID]motacilla.Access{"open": motacilla.Public, "closed": motacilla.Private} {
		if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: id, Title: "Storm", Access: access}, 0); err != nil {
			t.Fatal(err)
		}
		for _, html := range liveblog.Posts()[:10] {
			p := motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.Text(motacilla.TrustedHTML(html))}}
			if _, err := store.PutPost(t.Context(), id, p, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	l, err := live.New(live.Options{
		Store: store, Token: siteSecret, Compression: codings,
		Publishers: func(p *live.Parts) []publisher.Publisher {
			return []publisher.Publisher{polling.NewInterval(p.Feed, nil), polling.NewLong(p.Feed, nil)}
		},
		Receivers: func(p *live.Parts) []receiver.Receiver {
			return []receiver.Receiver{webapp.New(p.Sink(), p.Authorize, nil)}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Shutdown(t.Context()) })
	return l
}

func askFor(t *testing.T, l *live.Live, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	l.ServeHTTP(w, r)
	return w.Result()
}

func decode(t *testing.T, resp *http.Response) string {
	t.Helper()
	var r io.Reader = resp.Body
	var err error
	switch resp.Header.Get("Content-Encoding") {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "br":
		r = brotli.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// Everything that everybody may read is the same in each coding, and shorter. Strong tags tell the codings apart, and a browser
// that has an answer gets a 304.
func TestCompressed(t *testing.T) {
	l := compressing(t, []string{"br", "zstd", "gzip"})
	asset := ""
	if _, after, ok := strings.Cut(decode(t, askFor(t, l, "GET", "/channels/open")), `src="/assets/`); ok {
		asset, _, _ = strings.Cut(after, `"`)
	}
	for _, path := range []string{
		"/", "/channels/open", "/assets/" + asset, "/assets/live.js", "/assets/style.css", "/api/channels/open/posts",
		"/api/openapi.json", "/live/interval-polling/open/?since=0", "/live/interval-polling/open/?last_update_ts=0",
		"/live/long-polling/open/?since=0",
	} {
		plain := askFor(t, l, "GET", path)
		want := decode(t, plain)
		if plain.StatusCode != 200 || !strings.Contains(strings.Join(plain.Header.Values("Vary"), ","), "Accept-Encoding") && len(want) >= 200 {
			t.Errorf("%s: %s, Vary %q", path, plain.Status, plain.Header.Values("Vary"))
		}
		if path == "/" { // it has less than 200 bytes compressed, and more plain
			continue
		}
		for _, coding := range []string{"gzip", "br", "zstd"} {
			resp := askFor(t, l, "GET", path, "Accept-Encoding", coding)
			length := resp.ContentLength
			if got := resp.Header.Get("Content-Encoding"); got != coding || length <= 0 || length > int64(len(want))*3/4 {
				t.Errorf("%s: asked for %s, got %q with %d of %d bytes", path, coding, got, length, len(want))
			}
			if decode(t, resp) != want {
				t.Errorf("%s in %s: another body", path, coding)
			}
			tag := resp.Header.Get("ETag")
			if strings.HasPrefix(tag, `"`) == (tag == plain.Header.Get("ETag")) && tag != "" {
				t.Errorf("%s in %s: the tag %s, without a coding %s", path, coding, tag, plain.Header.Get("ETag"))
			}
			if tag == "" {
				continue
			}
			again := askFor(t, l, "GET", path, "Accept-Encoding", coding, "If-None-Match", `"other", `+tag)
			if again.StatusCode != 304 || again.Header.Get("ETag") != tag || again.Header.Get("Content-Encoding") != "" ||
				!strings.Contains(strings.Join(again.Header.Values("Vary"), ","), "Accept-Encoding") && strings.HasPrefix(tag, `"`) {
				t.Errorf("%s in %s again: %s %v", path, coding, again.Status, again.Header)
			}
			if other := askFor(t, l, "GET", path, "If-None-Match", tag); strings.HasPrefix(tag, `"`) && other.StatusCode != 200 {
				t.Errorf("%s: the tag of %s without a coding: %s", path, coding, other.Status)
			}
			if head := askFor(t, l, "HEAD", path, "Accept-Encoding", coding); head.StatusCode == 200 && strings.HasPrefix(path, "/assets") &&
				(head.Header.Get("ETag") != tag || head.Header.Get("Content-Encoding") != coding) {
				t.Errorf("HEAD %s: %v", path, head.Header)
			}
		}
	}
}

// What not everybody may read is not compressed for a request that a browser may have been made to send.
func TestPrivateNotCompressed(t *testing.T) {
	l := compressing(t, []string{"br", "zstd", "gzip"})
	bearer, cookie := []string{"Authorization", "Bearer " + siteSecret}, []string{"Cookie", "theme=dark"}
	for _, c := range []struct {
		path       string
		header     []string
		compressed bool
	}{
		{"/channels/closed", bearer, true},
		{"/channels/closed", append(cookie, bearer...), false},
		{"/channels/closed", nil, false}, // the form for signing in
		{"/channels/open", cookie, true},
		{"/api/channels/closed/posts", bearer, true},
		{"/api/channels/closed/posts", append(cookie, bearer...), false},
		{"/live/interval-polling/closed/?since=0", bearer, false},
		{"/live/interval-polling/closed/?last_update_ts=0", bearer, false},
		{"/live/long-polling/closed/?since=0", bearer, false},
	} {
		resp := askFor(t, l, "GET", c.path, append([]string{"Accept-Encoding", "gzip"}, c.header...)...)
		if got := resp.Header.Get("Content-Encoding") != ""; got != c.compressed {
			t.Errorf("%s with %v: %s, compressed %t, want %t", c.path, c.header[:len(c.header)/2], resp.Status, got, c.compressed)
		}
		if !bytes.Contains([]byte(decode(t, resp)), []byte("Harbour Park")) && c.header != nil {
			t.Errorf("%s: the posts are missing", c.path)
		}
	}
}

func TestCompressionOption(t *testing.T) {
	l := compressing(t, []string{})
	for _, path := range []string{"/channels/open", "/assets/live.js", "/live/interval-polling/open/?since=0"} {
		resp := askFor(t, l, "GET", path, "Accept-Encoding", "gzip, br, zstd")
		if resp.Header.Get("Content-Encoding") != "" || strings.Contains(strings.Join(resp.Header.Values("Vary"), ","), "Accept-Encoding") {
			t.Errorf("%s without compression: %v", path, resp.Header)
		}
	}
	l = compressing(t, []string{"gzip", "br"})
	if got := askFor(t, l, "GET", "/channels/open", "Accept-Encoding", "zstd, br, gzip").Header.Get("Content-Encoding"); got != "gzip" {
		t.Errorf("got %q, want the first of the list", got)
	}
	_, err := live.New(live.Options{Store: memory.New(nil), Compression: []string{"deflate"}})
	if err == nil || !strings.Contains(err.Error(), "Compression") {
		t.Errorf("deflate: %v", err)
	}
}
