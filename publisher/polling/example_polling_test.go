package polling_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

// An application whose readers poll.
func Example_app() {
	a := app.New(
		memory.Module,
		polling.Module,
		fx.Supply(&app.Input{YAML: []byte(`
server: {addr: "127.0.0.1:0"}
publishers:
  - {type: long-polling, hold: 20s}
  - {type: interval-polling, interval: 5s}
`), Env: []string{}}),
	)
	ctx := context.Background()
	fmt.Println(a.Start(ctx), a.Stop(ctx))
	// Output: <nil> <nil>
}

type texts struct{}

func (texts) RenderPost(p motacilla.Post) (motacilla.HTML, error) { return p.Content[0].Text, nil }

// Both publishers without fx, and a publisher of your own that embeds Mixin.
func ExampleMixin() {
	ctx := context.Background()
	store := memory.New(nil)
	defer store.Close()
	feed := publisher.NewFeed(store, texts{}, nil)
	if err := feed.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer feed.Close()
	channel, _ := store.PutChannel(ctx, motacilla.Channel{ID: "match-42", Title: "Final"}, 0)

	own := &polling.Mixin{Path: "head/{channel_id}/", Name: "head", Feed: feed}
	own.Get = func(w http.ResponseWriter, r *http.Request, ch motacilla.ChannelID) {
		c, err := feed.Channel(r.Context(), ch)
		if err != nil {
			own.Fail(w, r, err)
			return
		}
		own.Write(w, []byte(c.Head.String()))
	}
	interval := polling.NewInterval(feed, &polling.IntervalOptions{Interval: 5 * time.Second})
	long := polling.NewLong(feed, nil)
	table := route.NewTable()
	for _, p := range []publisher.Publisher{interval, long, own} {
		if err := table.Add("example", "/live", p.URLs()...); err != nil {
			fmt.Println(err)
			return
		}
	}
	get := func(target string) string {
		w := httptest.NewRecorder()
		table.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		return w.Body.String()
	}
	fmt.Println(get("/live/head/match-42/") == channel.Head.String())
	fmt.Println(strings.HasSuffix(get("/live/interval-polling/match-42/"), `"title":"Final","ended":null,"next_poll_ms":5000}`))
	fmt.Println(strings.Contains(get("/live/long-polling/match-42/?last_update_ts=0"), `"currentPosts":[]`))
	fmt.Println(long.Shutdown(ctx), interval.Shutdown(ctx), own.Shutdown(ctx))
	// Output:
	// true
	// true
	// true
	// <nil> <nil> <nil>
}
