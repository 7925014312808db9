// Command owndatabase is an app with its own database, and a receiver whose constructor asks for that database, the store
// and the feed:
//
//	curl -d player=Ada http://127.0.0.1:8080/goals/final
//
// The app writes the goal into its own table, and a post with the player's count into the channel.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
	_ "modernc.org/sqlite" // the driver of the app's own database
)

func main() { app.Main(options) }

var options = fx.Options(
	memory.Module,
	sse.Module,
	webapp.Module,
	fx.Provide(openDatabase),
	receiver.Register("goals", &goalOptions{Path: "/goals/{channel_id}"}, newGoals),
)

// openDatabase opens the app's own database. Whatever asks for it is made later, starts later and stops earlier.
func openDatabase(lc fx.Lifecycle) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "goals.db")
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StartStopHook(func(ctx context.Context) error {
		_, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS goals (channel TEXT, player TEXT)")
		return err
	}, db.Close))
	return db, nil
}

type goalOptions struct {
	Path string `key:"path" doc:"path with {channel_id} to which goals are sent"`
}

// goals is the receiver. An app that is open to the internet would also authenticate the source.
type goals struct {
	options *goalOptions
	db      *sql.DB
	store   storage.Store
	feed    *publisher.Feed
}

func newGoals(o *goalOptions, db *sql.DB, store storage.Store, feed *publisher.Feed) *goals {
	return &goals{o, db, store, feed}
}

// URLs returns the one route.
func (g *goals) URLs() []route.Route {
	return []route.Route{{Name: "goals", Pattern: g.options.Path, Handler: http.HandlerFunc(g.serve)}}
}

func (g *goals) serve(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodPost) {
		return
	}
	ch, err := route.ChannelID(r)
	if err == nil {
		_, err = g.feed.Channel(r.Context(), ch) // without a read of the store if the channel has readers
	}
	if err == nil {
		err = g.score(r.Context(), ch, r.PostFormValue("player"))
	}
	if err != nil {
		route.WriteError(w, r, err)
	}
}

func (g *goals) score(ctx context.Context, ch motacilla.ChannelID, player string) error {
	if _, err := g.db.ExecContext(ctx, "INSERT INTO goals VALUES (?, ?)", ch, player); err != nil {
		return fmt.Errorf("keep a goal: %w", err)
	}
	var n int
	query := g.db.QueryRowContext(ctx, "SELECT count(*) FROM goals WHERE channel = ? AND player = ?", ch, player)
	if err := query.Scan(&n); err != nil {
		return fmt.Errorf("count goals: %w", err)
	}
	text := motacilla.PlainText(fmt.Sprintf("Goal by %s, who has %d now.", player, n)) // a name may hold markup
	_, err := g.store.PutPost(ctx, ch, motacilla.Post{Show: true, Content: []motacilla.Block{text}}, 0)
	return err
}
