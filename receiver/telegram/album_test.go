package telegram

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// albumPart is the delivery of one image of an album. Its width is the number of its message.
func albumPart(update, message int, album, caption string, more string) string {
	return fmt.Sprintf(`{"update_id":%d,"message":{"message_id":%d,"date":1760000000,"media_group_id":%q,"caption":%q%s,
		"chat":{"id":%d,"type":"supergroup","title":"Desk"},"from":{"id":7,"first_name":"Ann"},
		"photo":[{"file_id":"f%[2]d","file_unique_id":"u%[2]d","width":%[2]d,"height":10,"file_size":5}]}}`,
		update, message, album, caption, more, testChat)
}

// The images of an album are one post, in the order of their messages, in whatever order and on whichever nodes they arrive.
func TestAlbumsInAnyOrderOnTwoNodes(t *testing.T) {
	const albums, parts = 20, 10
	w := newWorld(t)
	nodes := []*node{w.node(w.options()), w.node(w.options())}
	var all []string
	for a := range albums {
		for p := range parts {
			caption := ""
			if p == a%parts {
				caption = fmt.Sprint("Album ", a)
			}
			message := 1 + a*parts + p
			all = append(all, albumPart(message, message, fmt.Sprint("g", a), caption, ""))
		}
	}
	all = append(all, all...) // each twice
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var wg sync.WaitGroup
	work := make(chan string)
	for i := range 16 {
		wg.Go(func() {
			for u := range work {
				nodes[i%2].deliver(u)
			}
		})
	}
	for _, u := range all {
		work <- u
	}
	close(work)
	wg.Wait()
	posts := w.page(testChannel).Posts
	if len(posts) != albums {
		t.Fatalf("%d albums make %d posts", albums, len(posts))
	}
	for _, p := range posts {
		var a int
		if _, err := fmt.Sscanf(p.MessageID, fmt.Sprint(testChat)+":album:g%d", &a); err != nil {
			t.Fatal(p.MessageID, err)
		}
		var widths []string
		for i := range parts {
			widths = append(widths, fmt.Sprint(1+a*parts+i))
		}
		var got []string
		for _, b := range p.Content[:len(p.Content)-1] {
			got = append(got, fmt.Sprint(b.Width))
		}
		if text := p.Content[len(p.Content)-1].Text.String(); strings.Join(got, " ") != strings.Join(widths, " ") || text != fmt.Sprint("Album ", a) {
			t.Errorf("album %d has the images %s and the text %q", a, got, text)
		}
	}
}

func edited(update string, at int) string {
	update = strings.Replace(update, `"message":`, `"edited_message":`, 1)
	return strings.Replace(update, `"date":`, fmt.Sprintf(`"edit_date":%d,"date":`, at), 1)
}

func TestAlbumEdits(t *testing.T) {
	w := newWorld(t)
	n := w.node(w.options())
	n.r.files.Shutdown(t.Context())
	n.deliver(
		albumPart(1, 1, "g", "first", ""), albumPart(2, 2, "g", "", ""),
		edited(albumPart(4, 1, "g", "third", ""), 1760000100),
		edited(albumPart(3, 1, "g", "second", ""), 1760000100), // an older edit, within the same second, comes late
	)
	const want = "image pending 1x10\nimage pending 2x10\nthird"
	if got := show(w.post()); got != want {
		t.Errorf("the post is\n%s\nwant\n%s", got, want)
	}
	// The caption moves to the other image.
	n.deliver(edited(albumPart(5, 1, "g", "", ""), 1760000200), edited(albumPart(6, 2, "g", "moved", ""), 1760000200))
	if got := show(w.post()); got != "image pending 1x10\nimage pending 2x10\nmoved" {
		t.Errorf("the post is\n%s", got)
	}
}

// After the record of an album has expired, an edit still keeps the images of the post.
func TestAlbumEditedAfterItsRecordExpired(t *testing.T) {
	w := newWorld(t)
	n := w.node(w.options())
	n.r.files.Shutdown(t.Context())
	n.deliver(albumPart(1, 1, "g", "first", ""), albumPart(2, 2, "g", "", ""))
	ctx := context.Background()
	list, err := w.store.Records().List(ctx, namespace, "album/", "", 10)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if list[0].Expires.IsZero() {
		t.Error("the record does not expire")
	}
	if err := w.store.Records().Delete(ctx, namespace, list[0].Key, list[0].Version); err != nil {
		t.Fatal(err)
	}
	n.deliver(edited(albumPart(3, 1, "g", "second", ""), 1760000100))
	if got := show(w.post()); got != "image pending 2x10\nimage pending 1x10\nsecond" {
		t.Errorf("the post is\n%s", got)
	}
}

func TestAlbumThatWasRemovedStaysRemoved(t *testing.T) {
	w := newWorld(t)
	n := w.node(w.options())
	w.api.admins[testChat] = []int64{7}
	n.deliver(albumPart(1, 1, "g", "first", ""), commanded(2, 50, "/delete", strings.Replace(albumPart(2, 2, "g", "", ""), `{"update_id":2,"message":`, "", 1)),
		albumPart(3, 2, "g", "", ""), albumPart(4, 3, "g", "late", ""))
	if posts := w.page(testChannel).Posts; len(posts) != 0 || !w.removed(fmt.Sprint(testChat)+":album:g") {
		t.Errorf("there are %d posts", len(posts))
	}
}

func TestAlbumHasALimit(t *testing.T) {
	w := newWorld(t)
	n := w.node(w.options())
	for i := range maxParts + 5 {
		n.deliver(albumPart(i+1, i+1, "g", "", ""))
	}
	if got := len(w.post().Content); got != maxParts {
		t.Errorf("the post has %d images, want %d", got, maxParts)
	}
}
