package syndication

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
)

// An image comes over by its URL, and what does not lead to an image is left out.
func TestFollowImages(t *testing.T) {
	there, store := newOther(t), newStore(t)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/a.png" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte("an image"))
	}))
	defer web.Close()
	kit := newKit(t, store)
	kit.Images = &images{}
	start(t, newReceiver(t, kit, nil, there.feed(home)))
	_, _, err := there.in.Post(context.Background(), home, receiver.Message{ID: "1", Content: []motacilla.RawBlock{
		{Type: motacilla.TextBlock, Text: "look"},
		{Type: motacilla.ImageBlock, URL: web.URL + "/a.png", Alt: "A goal"}, {Type: motacilla.ImageBlock, URL: "/is-not-there.png", Alt: "b"},
		{Type: motacilla.EmbedBlock, URL: "https://youtu.be/abc"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "one image", func() bool {
		p := containsText(posts(t, store), "look")
		if p == nil {
			return false
		}
		var kept []motacilla.Block
		for _, b := range p.Content {
			if b.Type == motacilla.ImageBlock {
				kept = append(kept, b)
			}
		}
		return len(kept) == 1 && !kept[0].Pending && kept[0].Alt == "A goal" && len(p.Content) == 4
	})
}
