package app_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

// answer is a ResponseWriter that keeps the status and accepts deadlines.
type answer struct {
	header http.Header
	status int
}

func (a *answer) Header() http.Header                { return a.header }
func (a *answer) WriteHeader(status int)             { a.status = status }
func (a *answer) Write(b []byte) (int, error)        { return len(b), nil }
func (a *answer) SetReadDeadline(_ time.Time) error  { return nil }
func (a *answer) SetWriteDeadline(_ time.Time) error { return nil }
func (a *answer) FlushError() error                  { return nil }

// quiet is the handler of a running app, called without a network.
func quiet(b *testing.B) (server *app.Server, store storage.Store) {
	b.Helper()
	in := &app.Input{Env: []string{}, Flags: map[string]string{
		"server.addr": "127.0.0.1:0", "server.token": "s3cret", "log.level": "error"}}
	a := app.New(memory.Module, polling.Module, webapp.Module, fx.Supply(in), fx.Populate(&server, &store))
	if err := a.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			b.Error(err)
		}
	})
	if _, err := store.PutChannel(b.Context(), motacilla.Channel{ID: "match-42"}, 0); err != nil {
		b.Fatal(err)
	}
	return server, store
}

func BenchmarkPollUnchanged(b *testing.B) {
	server, store := quiet(b)
	c, err := store.Channel(b.Context(), "match-42")
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet,
		fmt.Sprintf("/live/interval-polling/match-42/?since=%d", c.Head), http.NoBody)
	r.Header.Set("User-Agent", "Mozilla/5.0")
	first := &answer{header: make(http.Header)}
	server.ServeHTTP(first, r)
	r.Header.Set("If-None-Match", first.header.Get("ETag"))
	b.ReportAllocs()
	a := &answer{header: make(http.Header)}
	for b.Loop() {
		clear(a.header)
		server.ServeHTTP(a, r)
		if a.status != http.StatusNotModified {
			b.Fatal(a.status)
		}
	}
}

func BenchmarkPost(b *testing.B) {
	server, _ := quiet(b)
	body := []byte(`{"text":"<b>Goal!</b> Ann Smith scores from 20 metres, and the whole of the home stand is on its feet."}`)
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/api/channels/match-42/posts", http.NoBody)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer s3cret")
	r.ContentLength = int64(len(body))
	b.ReportAllocs()
	a := &answer{header: make(http.Header)}
	for b.Loop() {
		clear(a.header)
		r.Body = io.NopCloser(bytes.NewReader(body))
		server.ServeHTTP(a, r)
		if a.status != http.StatusCreated {
			b.Fatal(a.status)
		}
	}
}
