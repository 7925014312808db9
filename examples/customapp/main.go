// Command customapp is an app that takes few parts of the project and adds its own: posts are kept in memory, readers use
// long polling alone, and its own route writes a post for every goal.
package main

import (
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

func main() { app.Main(options) }

var options = fx.Options(
	memory.Module,
	polling.LongModule,
	fx.Provide(fx.Annotate(goals, fx.ResultTags(`group:"routes"`))),
)

func goals(store storage.Store, posts *receiver.Ingest) route.Route {
	return route.Route{Name: "goal", Pattern: "/goal/{channel_id}", Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			ch, err := route.ChannelID(r)
			if err == nil {
				_, _ = store.PutChannel(r.Context(), motacilla.Channel{ID: ch}, 0) // the channel may exist
				_, _, err = posts.Post(r.Context(), ch, receiver.Message{Text: "Goal!", KeyEvent: true})
			}
			if err != nil {
				route.WriteError(w, r, err)
			}
		})}
}
