package sse

import (
	"io"
	"net/http"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/publishertest/followers"
)

// TestConformance reads streams of gzip, which net/http decompresses, and others.
func TestConformance(t *testing.T) {
	moving := map[string]bool{"epoll engine, handed over": true, "TLS, handed over": true, "several channels, handed over": true}
	for _, test := range []struct {
		name       string
		goroutines bool
		tls        bool
		follow     publishertest.Follow
	}{
		{"epoll engine", false, false, followers.SSE},
		{"goroutine per connection", true, false, followers.SSEByEventID},
		{"epoll engine, TLS", false, true, followers.SSE},
		{"goroutine per connection, TLS", true, true, followers.SSEByEventID},
		{"epoll engine, several channels", false, false, followers.Many("other", match, members)},
		{"goroutine per connection, several channels", true, false, followers.Many("other", match, members)},
		{"epoll engine, TLS, several channels", false, true, followers.Many("other", match, members)},
		{"without compression", false, false, followers.SSEVia(&http.Transport{DisableCompression: true, DisableKeepAlives: true})},
		{"zstd", false, false, followers.SSEVia(zstandard{&http.Transport{DisableKeepAlives: true}})},
		{"epoll engine, handed over", false, false, followers.SSE},
		{"TLS, handed over", false, true, followers.SSE},
		{"several channels, handed over", false, true, followers.Many("other", match, members)},
	} {
		t.Run(test.name, func(t *testing.T) {
			run := publishertest.Run
			if test.tls {
				run = publishertest.RunTLS
			}
			run(t, func(t testing.TB, feed *publisher.Feed) publisher.Publisher {
				p := New(feed, &Options{Goroutines: test.goroutines})
				if moving[test.name] {
					return publishertest.Moving(t, p)
				}
				return p
			}, test.follow)
		})
	}
}

// zstandard asks for streams of zstd, and decompresses them.
type zstandard struct{ http.RoundTripper }

func (z zstandard) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Accept-Encoding", "zstd")
	resp, err := z.RoundTripper.RoundTrip(r)
	if err != nil || resp.Header.Get("Content-Encoding") != "zstd" {
		return resp, err
	}
	d, err := zstd.NewReader(resp.Body, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{d, resp.Body}
	return resp, nil
}
