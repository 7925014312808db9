package page_test

import (
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/route"
)

// TestOlderPostsBelowPinnedOnes follows "Earlier posts" from a page whose posts are all pinned down to the first post.
func TestOlderPostsBelowPinnedOnes(t *testing.T) {
	src := newSource()
	for i := range src.posts {
		src.posts[i].Pinned = i >= 10
	}
	snapshot := func(ctx context.Context, ch motacilla.ChannelID) (*motacilla.Update, error) {
		u, err := src.snapshot(ctx, ch)
		for i := range u.Renders {
			u.Renders[i].Pinned = true
		}
		return u, err
	}
	table := route.NewTable()
	if err := table.Add("page", "/", page.New(src, snapshot, &page.Options{PageSize: 20}).URLs()...); err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`<a href="([^"]+)" data-live-older`)
	path := "/channels/match"
	for range 10 {
		w := httptest.NewRecorder()
		table.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d", path, w.Code)
		}
		if strings.Contains(w.Body.String(), ">post 0<") {
			return
		}
		next := link.FindStringSubmatch(w.Body.String())
		if next == nil {
			t.Fatalf("%s has no link to older posts", path)
		}
		path = html.UnescapeString(next[1])
	}
	t.Error("the links do not lead to the first post")
}
