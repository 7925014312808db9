package nats_test

import (
	"fmt"

	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/nats"
	"github.com/motacilla-live/motacilla/storage/memory"
)

// A scoreboard publishes each goal to scores.MATCH. The stream SCORES keeps the goals until they are posts.
func Example() {
	store := memory.New(nil)
	defer store.Close()
	kit := &receiver.Kit{Sink: store, Records: store.Records(), Images: receiver.NoImages{}, Client: outbound.New(nil)}
	scores, err := nats.New(kit, &nats.Options{
		Connection: nats.Connection{Servers: []string{"nats://127.0.0.1:4222"}},
		Name:       "scores", Stream: "SCORES", Subjects: []string{"scores.{channel_id}"},
		Mapping: nats.Mapping{MessageID: "goal-{{.id}}", Text: "<b>{{.score}}</b> {{.scorer}}"},
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	// scores.Start(ctx) connects, and takes goals until scores.Shutdown(ctx).
	fmt.Println(scores.Source())
	// Output: scores
}
