package cluster

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
)

// storyteller changes one post of a channel, over and over, and now and then removes it and makes another one.
type storyteller struct {
	name    string
	id      motacilla.PostID
	acked   map[motacilla.PostID]map[motacilla.Revision]string // texts by revision; "" is a removal
	pending map[string]bool                                    // texts of writes that no answer came to
	n       int
}

// tell writes until the node does not answer. It goes on while the store is too busy.
func (w *storyteller) tell(ctx context.Context, base string, told chan<- struct{}) {
	for ctx.Err() == nil {
		w.n++
		text := fmt.Sprint(w.name, " ", w.n)
		method, path := http.MethodPatch, "/match/posts/"+string(w.id)
		var in any = map[string]any{"text": text}
		switch {
		case w.id == "":
			method, path = http.MethodPost, "/match/posts"
		case w.n%10 == 0:
			method, in, text = http.MethodDelete, nil, ""
		}
		w.pending[text] = true
		var p postJSON
		var out any = &p
		if in == nil {
			out = nil
		}
		status, _, err := request(ctx, base, method, path, in, out)
		if err != nil || status >= 500 {
			w.id = "" // what has become of it is looked up
			if err == nil && status == http.StatusServiceUnavailable {
				pause(ctx, 50*time.Millisecond)
				continue
			}
			return
		}
		delete(w.pending, text)
		if status >= 300 {
			w.id = "" // it was removed by a request to which no answer came
			continue
		}
		if in == nil {
			w.acked[w.id][0] = ""
			w.id = ""
		} else {
			w.id = p.ID
			if w.acked[p.ID] == nil {
				w.acked[p.ID] = map[motacilla.Revision]string{}
			}
			w.acked[p.ID][p.Revision] = text
		}
		select {
		case told <- struct{}{}:
		default:
		}
	}
}

// A node is killed while it writes versions, again and again. Every version that was acknowledged is kept, and no version has what was
// never written.
func TestVersionsOfAKilledNode(t *testing.T) {
	each(t, func(t *testing.T, b *backend) {
		other := startNode(t, b.flags(b.addr)...)
		must(t, other.url, http.MethodPost, "", map[string]any{"id": "match"}, nil)
		tellers := make([]*storyteller, 4)
		for i := range tellers {
			tellers[i] = &storyteller{
				name: fmt.Sprint("teller ", i), acked: map[motacilla.PostID]map[motacilla.Revision]string{}, pending: map[string]bool{},
			}
		}
		for range 3 {
			killed := startNode(t, b.flags(b.addr)...)
			told := make(chan struct{})
			var all sync.WaitGroup
			for _, w := range tellers {
				all.Go(func() { w.tell(t.Context(), killed.url, told) })
			}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				all.Wait()
			}()
			for range 60 {
				select {
				case <-told:
				case <-ended:
					t.Fatal("nobody writes any more")
				}
			}
			killed.kill()
			all.Wait()
		}
		versions, named := 0, 0
		for _, w := range tellers {
			for id, acked := range w.acked {
				n, with := compareVersions(t, other.url, id, acked, w.pending)
				versions, named = versions+n, named+with
			}
		}
		t.Logf("%d versions, %d of them with a name", versions, named)
		if named == 0 {
			t.Error("no version has a name")
		}
	})
}

// compareVersions compares the history of a post with what was acknowledged, and returns how many versions there are, and how many with a name.
func compareVersions(t *testing.T, base string, id motacilla.PostID, acked map[motacilla.Revision]string, pending map[string]bool) (n, named int) {
	t.Helper()
	c, err := client.New(base, &client.Options{Token: token, HTTP: fresh})
	if err != nil {
		t.Fatal(err)
	}
	found := map[motacilla.Revision]bool{}
	for v, err := range c.Versions(t.Context(), "match", id) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if v.Who != "" {
			named++
		}
		if v.Removed {
			found[0] = true
			continue
		}
		found[v.Revision] = true
		p, err := c.PostAt(t.Context(), "match", id, v.Revision)
		if err != nil {
			t.Fatal(err)
		}
		text := textOf(p.Content)
		want, was := acked[v.Revision]
		switch {
		case was && text != want:
			t.Errorf("revision %d of post %s is %q, and was %q", v.Revision, id, text, want)
		case v.Who != "server" && v.Who != "": // the name may be lost, and is written before the answer
			t.Errorf("revision %d of post %s is of %q", v.Revision, id, v.Who)
		case !was && !pending[text]:
			t.Errorf("revision %d of post %s, %q, was never written", v.Revision, id, text)
		}
	}
	for revision, text := range acked {
		if !found[revision] {
			t.Errorf("revision %d of post %s, %q, is lost", revision, id, text)
		}
	}
	return n, named
}

func textOf(content []motacilla.RawBlock) string {
	var all []string
	for _, b := range content {
		all = append(all, b.Text)
	}
	return strings.Join(all, "\n")
}
