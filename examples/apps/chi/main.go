// Command chi is a shop with a router of chi and a live site in it.
package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
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
	r := chi.NewRouter()
	r.Use(middleware.Logger, middleware.Recoverer, middleware.Compress(5))
	r.Get("/", shop.Home)
	r.Get("/shop.css", shop.Style)
	r.HandleFunc("/sign-in", s.Sessions.SignIn)
	r.Post("/sell", func(w http.ResponseWriter, r *http.Request) { sell(l, w, r) })
	r.Mount("/news/live", l)
	r.NotFound(shop.NotFound)
	return &shop.App{
		Handler: r,
		Drain:   l.Drain,
		Close:   func(ctx context.Context) error { return errors.Join(l.Shutdown(ctx), store.Close()) },
	}, nil
}
