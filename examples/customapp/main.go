// Command customapp is an application of one's own: posts in memory, readers served by long polling alone, and a route
// of its own beside the others, which writes a post for every goal.
package main

import (
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

func main() { app.Main(options) }

var options = fx.Options(
	memory.Module,
	app.Publisher(polling.LongFactory()),
	fx.Provide(fx.Annotate(goals, fx.ResultTags(`group:"routes"`))),
)

func goals(store storage.Store) route.Route {
	return route.Route{Name: "goal", Pattern: "/goal/{channel_id}", Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			ch, err := route.ChannelID(r)
			if err == nil {
				_, _ = store.CreateChannel(r.Context(), motacilla.Channel{ID: ch}) // it may be there already
				_, err = store.CreatePost(r.Context(), ch, motacilla.Post{
					Show: true, KeyEvent: true, Content: []motacilla.Block{motacilla.Text("<p>Goal!</p>")},
				})
			}
			if err != nil {
				route.WriteError(w, r, err)
			}
		})}
}
