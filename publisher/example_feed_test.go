package publisher_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
)

type texts struct{}

func (texts) RenderPost(p motacilla.Post) (motacilla.HTML, error) { return p.Content[0].Text, nil }

// What a reader gets at each cursor.
func ExampleFeed() {
	ctx := context.Background()
	store := memory.New(nil)
	defer store.Close()
	feed := publisher.NewFeed(store, texts{}, nil)
	if err := feed.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer feed.Close()
	_, err := feed.Since(ctx, "match-42", 0)
	fmt.Println("not found:", errors.Is(err, motacilla.ErrNotFound))

	channel, _ := store.PutChannel(ctx, motacilla.Channel{ID: "match-42"}, 0)
	first, _ := feed.Snapshot(ctx, "match-42")
	fmt.Println("everything anew:", first.Reset, first.Revision == channel.Head)

	_, _ = store.PutPost(ctx, "match-42", motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText("Goal!")}}, 0)
	next, _ := feed.Next(ctx, "match-42", first.Revision) // waits if nothing is new
	fmt.Println("new:", next.Renders[0].Content)

	same, _ := feed.Since(ctx, "match-42", next.Revision)
	fmt.Println("heartbeat:", same.Heartbeat())
	fmt.Println(strings.HasPrefix(string(same.Encode(publisher.JSON)), `{"channel":"match-42"`))
	// Output:
	// not found: true
	// everything anew: true true
	// new: Goal!
	// heartbeat: true
	// true
}

// A transport whose connections stay open says how an update looks. Streams does the rest.
func ExampleStreams() {
	ctx := context.Background()
	store := memory.New(nil)
	defer store.Close()
	feed := publisher.NewFeed(store, texts{}, nil)
	if err := feed.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer feed.Close()
	_, _ = store.PutChannel(ctx, motacilla.Channel{ID: "match-42", Title: "Final"}, 0)

	title := &publisher.Format{Name: "titles", Append: func(dst []byte, u *motacilla.Update) []byte {
		if u.State != nil {
			dst = append(append(dst, u.State.Title...), '\n')
		}
		return dst
	}}
	streams := publisher.NewStreams(feed, &publisher.Wire{Name: "titles", Format: title})
	w := httptest.NewRecorder()
	stream, err := streams.Open(httptest.NewRequest(http.MethodGet, "/", nil), "match-42", 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stream.Close()
	titles := 0
	end := stream.Run(ctx, func(step *publisher.Delta) error {
		_, err := w.Write(step.Encode(title))
		if titles++; titles == 1 {
			_, _ = storage.EditChannel(ctx, store, "match-42", func(c *motacilla.Channel) error { c.Title = "Final, 1-0"; return nil })
		} else {
			_, _ = store.DeleteChannel(ctx, "match-42")
		}
		return err
	})
	fmt.Print(w.Body)
	fmt.Println("gone:", end == publisher.EndGone)
	// Output:
	// Final
	// Final, 1-0
	// gone: true
}
