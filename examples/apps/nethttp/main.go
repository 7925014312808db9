// Command nethttp is a shop with a ServeMux of net/http and a live site in it.
package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/klauspost/compress/gzhttp"
	"github.com/motacilla-live/motacilla/examples/apps/internal/shop"
	"github.com/motacilla-live/motacilla/storage/sqlite"
)

func main() { shop.Main(open) }

func open(ctx context.Context, s *shop.Shop) (*shop.App, error) {
	store, err := sqlite.Open(ctx, s.File, nil)
	if err != nil {
		return nil, err
	}
	l, err := newLive(ctx, store, s.Sessions)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", shop.Home)
	mux.HandleFunc("GET /shop.css", shop.Style)
	mux.HandleFunc("/sign-in", s.Sessions.SignIn)
	mux.HandleFunc("POST /sell", func(w http.ResponseWriter, r *http.Request) { sell(l, w, r) })
	mux.Handle("/news/live/", l)
	mux.HandleFunc("/", shop.NotFound)
	return &shop.App{
		Handler: shop.Logged(gzhttp.GzipHandler(mux)),
		Drain:   l.Drain,
		Close:   func(ctx context.Context) error { return errors.Join(l.Shutdown(ctx), store.Close()) },
	}, nil
}
