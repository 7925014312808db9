package history_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/history"
	"github.com/motacilla-live/motacilla/storage/sqlite"
)

// BenchmarkPosts puts posts into SQLite: those of a source, with a history and without, and those of somebody with a permission.
func BenchmarkPosts(b *testing.B) {
	for _, c := range []struct {
		name string
		keep bool
		who  string
	}{{"without", false, ""}, {"source", true, ""}, {"holder", true, "anna"}} {
		b.Run(c.name, func(b *testing.B) {
			store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "posts.db"), nil)
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			if _, err := store.PutChannel(b.Context(), motacilla.Channel{ID: "c"}, 0); err != nil {
				b.Fatal(err)
			}
			h, ctx := history.New(store.Records(), nil), b.Context()
			if c.who != "" {
				ctx = as(ctx, c.who)
			}
			for n := 0; b.Loop(); n++ {
				p := motacilla.Post{MessageID: fmt.Sprint(n), Show: true, Content: []motacilla.Block{motacilla.PlainText("19 min: Goal")}}
				if c.keep {
					_, err = h.PutPost(ctx, store, "c", p, 0)
				} else {
					_, err = store.PutPost(ctx, "c", p, 0)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
