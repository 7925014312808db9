package memory_test

import (
	"context"
	"errors"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/zap"
)

// Readers and writers of other channels do not wait for an edit, and one that panics leaves the channel usable.
func TestEditHoldsUpNobody(t *testing.T) {
	s, ctx := memory.New(nil), t.Context()
	for _, ch := range []motacilla.ChannelID{"a", "b"} {
		if _, err := s.CreateChannel(ctx, motacilla.Channel{ID: ch}); err != nil {
			t.Fatal(err)
		}
	}
	p, err := s.CreatePost(ctx, "a", motacilla.Post{Show: true})
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = s.UpdatePost(ctx, "a", p.ID, func(*motacilla.Post) error {
			if _, err := s.Changes(ctx, "a", p.Revision, 0); err != nil {
				t.Error(err)
			}
			if _, err := s.Posts(ctx, "a", motacilla.Query{}); err != nil {
				t.Error(err)
			}
			if _, err := s.CreatePost(ctx, "b", motacilla.Post{}); err != nil {
				t.Error(err)
			}
			panic("edit")
		})
	}()
	if _, err := s.DeletePost(ctx, "a", p.ID, nil); err != nil {
		t.Fatal(err)
	}
}

// A hint is there when the write returns, and whoever gets it may read and write at once.
func TestHintsAreSynchronous(t *testing.T) {
	s := memory.New(nil)
	ctx, cancel := context.WithCancel(t.Context())
	heads := make(map[motacilla.ChannelID]motacilla.Revision)
	began, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.Watch(ctx, func(m motacilla.Moved) {
			if m == (motacilla.Moved{}) {
				close(began)
				return
			}
			page, err := s.Posts(ctx, m.Channel, motacilla.Query{})
			if err != nil || page.Head < m.Head {
				t.Errorf("told of %d, read %d, %v", m.Head, page.Head, err)
			}
			heads[m.Channel] = m.Head
			if m.Channel == "c" {
				_, _ = s.CreateChannel(ctx, motacilla.Channel{ID: "made-by-the-watcher"})
			}
		})
	}()
	<-began
	c, err := s.CreateChannel(ctx, motacilla.Channel{ID: "c"})
	if err != nil || heads["c"] != c.Head || heads["made-by-the-watcher"] == 0 {
		t.Fatalf("after the write of %d the hints are %v (%v)", c.Head, heads, err)
	}
	p, err := s.CreatePost(ctx, "c", motacilla.Post{})
	if err != nil || heads["c"] != p.Revision {
		t.Fatalf("after the write of %d the hints are %v (%v)", p.Revision, heads, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func TestModule(t *testing.T) {
	in := app.Input{YAML: []byte{}, Env: []string{}}
	s, err := app.OpenStore(t.Context(), "memory", in, zap.NewNop(), memory.Module)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Store.(*memory.Store); !ok || s.Type != "memory" || s.Key != "" {
		t.Errorf("opened %+v", s)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
}
