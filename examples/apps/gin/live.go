package main

import (
	"context"
	"errors"
	"html"
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/examples/apps/internal/shop"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
)

// newLive makes the live site, which is below /news/live, and its channel.
func newLive(ctx context.Context, store storage.Store, sessions *shop.Sessions) (l *live.Live, err error) {
	l, err = live.New(live.Options{
		Store: store, BasePath: "/news/live",
		Publishers: func(p *live.Parts) []publisher.Publisher {
			return []publisher.Publisher{
				sse.New(p.Feed, nil), websocket.New(p.Feed, nil), polling.NewLong(p.Feed, nil), polling.NewInterval(p.Feed, nil),
			}
		},
		Receivers: func(p *live.Parts) []receiver.Receiver {
			return []receiver.Receiver{webapp.New(p.Sink(), p.Authorize, nil)}
		},
		Authorize: func(r *http.Request, ch motacilla.ChannelID, action route.Action) (route.Grant, error) {
			session := sessions.Of(r)
			if session.User == "editor" || session.User != "" && action == route.Read {
				return route.Grant{Expires: session.Expires}, nil
			}
			return l.Public(r, ch, action)
		},
		Page: page.Options{Name: "The shop, live", Home: "/", SignInURL: "/sign-in"},
	})
	if err != nil {
		return nil, err
	}
	_, err = store.PutChannel(ctx, motacilla.Channel{ID: "shop", Title: "In the shop"}, 0)
	if err != nil && !errors.Is(err, motacilla.ErrExists) {
		return nil, err
	}
	return l, l.Start(ctx)
}

// sell writes a post about what was sold.
func sell(l *live.Live, w http.ResponseWriter, r *http.Request) {
	text := "Sold: " + html.EscapeString(r.PostFormValue("item"))
	if _, _, err := l.Ingest("shop").Post(r.Context(), "shop", receiver.Message{Text: text}); err != nil {
		route.WriteError(w, r, err)
		return
	}
	http.Redirect(w, r, "/news/live/channels/shop", http.StatusSeeOther)
}
