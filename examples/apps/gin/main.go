// Command gin is a shop with a router of Gin and a live site in it.
package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-contrib/gzip"
	"github.com/gin-gonic/gin"
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
	r := gin.New()
	r.Use(gin.Logger(), gin.Recovery())
	// The writer of this middleware has no Unwrap. So what must not be compressed is left out of it.
	r.Use(gzip.Gzip(gzip.DefaultCompression, gzip.WithExcludedPathsRegexs([]string{"^/news/live/live/"})))
	handle := func(h http.HandlerFunc) gin.HandlerFunc { return gin.WrapF(h) }
	r.GET("/", handle(shop.Home))
	r.GET("/shop.css", handle(shop.Style))
	r.Any("/sign-in", handle(s.Sessions.SignIn))
	r.POST("/sell", handle(func(w http.ResponseWriter, r *http.Request) { sell(l, w, r) }))
	r.Any("/news/live/*path", gin.WrapH(l))
	r.NoRoute(handle(shop.NotFound))
	return &shop.App{
		Handler: r,
		Drain:   l.Drain,
		Close:   func(ctx context.Context) error { return errors.Join(l.Shutdown(ctx), store.Close()) },
	}, nil
}
