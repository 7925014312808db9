package media_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/media"
)

// stock adds images with these IDs.
func stock(t *testing.T, s *shelf, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if _, err := s.Add(t.Context(), id, bytes.NewReader(jpegOf(t, photo(8, 8)))); err != nil {
			t.Fatal(err)
		}
	}
}

// The files of an image that nothing uses go at once. Those that a post, a card, a link or a draft has stay.
func TestRelease(t *testing.T) {
	s := newShelf(t, nil)
	channel(t, s)
	c := media.NewCollector(s.Library, s.store, func(_ context.Context, use func(string)) error { use("draft"); return nil })
	stock(t, s, "block", "card", "link", "draft", "one", "two", "unasked")
	post(t, s, motacilla.Block{Type: motacilla.ImageBlock, Media: "block", URL: "/media/block/8.jpg"},
		motacilla.Block{Type: motacilla.EmbedBlock, URL: "https://example.org/", Card: motacilla.Card{Picture: "/media/card/8.jpg"}},
		motacilla.Text(motacilla.TrustedHTML(`<a href="https://example.org/media/link/8.jpg">x</a>`)))
	removed, err := c.Release(t.Context(), []string{"one", "block", "card", "link", "draft", "never", "two"})
	if err != nil || fmt.Sprint(removed) != "[one two]" {
		t.Errorf("removed %v, %v", removed, err)
	}
	if names := strings.Join(s.files.Names(), " "); len(s.files.Names()) != 5 || strings.Contains(names, "one") || strings.Contains(names, "two") {
		t.Errorf("files are %s", names)
	}
	for _, node := range []*media.Library{s.Library, s.node(t, nil)} {
		for id, want := range map[string]error{"one": motacilla.ErrNotFound, "block": nil, "unasked": nil} {
			if _, err := node.Image(t.Context(), id); !errors.Is(err, want) {
				t.Errorf("image %q: %v", id, err)
			}
		}
		if w := get(handler(t, node), "GET", "/media/one/8.jpg"); w.Code != 404 {
			t.Errorf("status %d", w.Code)
		}
	}
	if removed, err := c.Release(t.Context(), []string{"one", "two"}); err != nil || len(removed) != 0 {
		t.Errorf("again: removed %v, %v", removed, err)
	}
	stock(t, s, "one") // an ID that was removed may be used again
}

// If it is not known what uses an image, it stays.
func TestReleaseFails(t *testing.T) {
	s := newShelf(t, nil)
	channel(t, s)
	stock(t, s, "one")
	drafts := func(context.Context, func(string)) error { return motacilla.ErrUnavailable }
	for name, c := range map[string]*media.Collector{
		"posts": media.NewCollector(s.Library, brokenPosts{s.store}), "drafts": media.NewCollector(s.Library, s.store, drafts),
	} {
		if removed, err := c.Release(t.Context(), []string{"one"}); !errors.Is(err, motacilla.ErrUnavailable) || len(removed) != 0 {
			t.Errorf("without %s: %v, %v", name, removed, err)
		}
	}
	if _, err := s.Image(t.Context(), "one"); err != nil {
		t.Error(err)
	}
}
