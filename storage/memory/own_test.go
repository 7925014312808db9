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

// A hint is told before the write returns, and whoever is told may read and write at once.
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
				_, _ = s.PutChannel(ctx, motacilla.Channel{ID: "made-by-the-watcher"}, 0)
			}
		})
	}()
	<-began
	c, err := s.PutChannel(ctx, motacilla.Channel{ID: "c"}, 0)
	if err != nil || heads["c"] != c.Head || heads["made-by-the-watcher"] == 0 {
		t.Fatalf("after the write of %d the hints are %v (%v)", c.Head, heads, err)
	}
	p, err := s.PutPost(ctx, "c", motacilla.Post{}, 0)
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
