// Command echo is a shop with a router of Echo and a live site in it.
package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"
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
	e := echo.New()
	e.Use(middleware.RequestLogger(), middleware.Recover(), middleware.Gzip())
	handle := func(h http.HandlerFunc) echo.HandlerFunc { return echo.WrapHandler(h) }
	e.GET("/", handle(shop.Home))
	e.GET("/shop.css", handle(shop.Style))
	e.Any("/sign-in", handle(s.Sessions.SignIn))
	e.POST("/sell", handle(func(w http.ResponseWriter, r *http.Request) { sell(l, w, r) }))
	e.Any("/news/live", echo.WrapHandler(l))
	e.Any("/news/live/*", echo.WrapHandler(l))
	e.RouteNotFound("/*", handle(shop.NotFound))
	return &shop.App{
		Handler: e,
		Drain:   l.Drain,
		Close:   func(ctx context.Context) error { return errors.Join(l.Shutdown(ctx), store.Close()) },
	}, nil
}
