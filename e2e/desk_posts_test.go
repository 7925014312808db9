package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// write makes one request to REST as the server's own token, again while the store has too much to write. What the server refuses is fine:
// another writer was faster.
func (d *deskSite) write(method, path string, in any) {
	for late := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		status := d.writeOnce(method, path, in)
		if status == http.StatusServiceUnavailable && time.Now().Before(late) {
			continue
		}
		if status >= 500 {
			d.t.Errorf("%s %s: %d", method, path, status)
		}
		return
	}
}

func (d *deskSite) writeOnce(method, path string, in any) (status int) {
	body, _ := json.Marshal(in)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, d.site()+"/api/channels/"+string(channel)+"/"+path, bytes.NewReader(body))
	if err != nil {
		d.t.Error(err)
		return 0
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Error(err)
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// writers change the channel at random, and wait for each other.
func (d *deskSite) writers(seed uint64, n, each int) {
	var all sync.WaitGroup
	ids := d.all()
	for w := range n {
		random := rand.New(rand.NewPCG(seed, uint64(w)))
		all.Go(func() {
			for i := range each {
				id := ids[random.IntN(len(ids))].ID
				ago := time.Now().Add(-time.Duration(random.IntN(7200)) * time.Second).UTC().Format(time.RFC3339)
				switch random.IntN(12) {
				case 0, 1:
					d.write(http.MethodPost, "posts", map[string]any{"text": fmt.Sprintf("writer %d, %d", w, i)})
				case 2:
					d.write(http.MethodPost, "posts", map[string]any{"text": "of long ago", "created": ago})
				case 3, 4:
					d.write(http.MethodPatch, "posts/"+id, map[string]any{"text": fmt.Sprintf("changed by %d, %d", w, i)})
				case 5, 6:
					d.write(http.MethodPatch, "posts/"+id, map[string]any{"show": random.IntN(2) == 0})
				case 7:
					d.write(http.MethodPatch, "posts/"+id, map[string]any{"pinned": random.IntN(2) == 0, "key_event": true})
				case 8, 9:
					d.write(http.MethodPatch, "posts/"+id, map[string]any{"created": ago})
				case 10:
					d.write(http.MethodDelete, "posts/"+id, nil)
				case 11:
					d.write(http.MethodPost, "posts", map[string]any{"text": "hidden", "show": false})
				}
			}
		})
	}
	all.Wait()
}

// same waits until the page's posts are the newest ones by REST, as far down as the page has them.
func (d *deskSite) same(p *tab, least int) {
	d.t.Helper()
	type one struct {
		ID       string `json:"id"`
		Revision string `json:"revision"`
		Show     bool   `json:"show"`
		Pinned   bool   `json:"pinned"`
		Created  string `json:"created"`
	}
	var want []one
	for _, post := range d.all() {
		want = append(want, one{post.ID, fmt.Sprint(post.Revision), post.Show, post.Pinned, post.Created})
	}
	slices.Reverse(want)
	p.eval(`void (globalThis.want = `+js(want)+`)`, nil)
	p.until(fmt.Sprintf(`(() => {
		const got = posts.list.value.map(({id, revision, show, pinned, created}) => ({id, revision, show, pinned, created}));
		const wrong = got.findIndex((g, i) => JSON.stringify(g) !== JSON.stringify(want[i]));
		document.body.innerText = got.length + " of " + want.length + ", wrong at " + wrong; // for whoever looks why a test fails
		return got.length >= %d && (posts.more.value !== null || got.length === want.length) && wrong < 0;
	})()`, least))
}

// TestDeskPostsConverge: whatever several writers do, and whatever becomes of the connection, the posts on the desk are in the end those
// of REST.
func TestDeskPostsConverge(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	for _, transport := range []string{"sse", "long-polling", "interval-polling"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			d := newDeskSite(t)
			f := newDeskFront(t, d)
			for i := range 130 {
				d.write(http.MethodPost, "posts", map[string]any{"text": fmt.Sprintf("post %d", i)})
			}
			p := f.opens(d.as(browser(t), d.person("ed", "editor")), "only="+transport)
			p.eval(`void (globalThis.posts = desk.posts(channel))`, nil)
			p.until(`posts.list.value?.length === 50 && posts.status.value === "live"`)
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			d.writers(seed, 3, 15)
			d.same(p, 30)

			p.eval(`posts.loadMore()`, nil)
			d.writers(seed+1, 3, 15)
			d.same(p, 60)

			// Without a net, and with a server that does not know the cursor any more.
			p.offline(true)
			d.writers(seed+2, 3, 15)
			p.offline(false)
			d.same(p, 60)
			d.kill()
			d.start()
			d.writers(seed+3, 2, 10)
			d.same(p, 60)
			p.until(`posts.more.value === null || (posts.loadMore(), false)`)
			d.same(p, 100)

			d.channel(map[string]any{"title": "Another title", "ended": "2026-01-01T00:00:00Z"})
			p.until(`posts.live.value.title === "Another title" && posts.live.value.ended !== null`)
			d.api(http.MethodDelete, "channels/"+string(channel), nil, nil)
			p.until(`posts.live.value.gone`)
		})
	}
}

// TestDeskPostsAskLittle: many changes in a short time make few requests, and a change of one post is one request.
func TestDeskPostsAskLittle(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSite(t)
	f := newDeskFront(t, d)
	for i := range 20 {
		d.write(http.MethodPost, "posts", map[string]any{"text": fmt.Sprintf("post %d", i)})
	}
	p := f.opens(d.as(browser(t), d.person("ed", "editor")), "only=sse")
	p.eval(`void (globalThis.posts = desk.posts(channel))`, nil)
	p.until(`posts.list.value?.length === 20 && posts.status.value === "live"`)
	lists := "GET /api/channels/" + string(channel) + "/posts"
	before := f.requests(lists)
	one := d.all()[3].ID
	d.write(http.MethodPatch, "posts/"+one, map[string]any{"text": "changed"})
	d.same(p, 20)
	if n := f.requests(lists) - before; n != 1 {
		t.Errorf("there were %d requests for a post that has changed", n)
	}

	before = f.requests(lists)
	began := time.Now()
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 50 {
				d.write(http.MethodPost, "posts", map[string]any{"text": fmt.Sprintf("%d of writer %d", i, w)})
			}
		})
	}
	all.Wait()
	d.same(p, 100)
	// Rounds begin 400 ms apart, and make six requests at most.
	most := 7 * (2 + int(time.Since(began)/(400*time.Millisecond)))
	if n := f.requests(lists) - before; n > most {
		t.Errorf("there were %d requests for 200 new posts", n)
	}

	// What this desk has written itself is there at once. It is asked for at most if the live feed was faster than the answer.
	before = f.requests("GET /api/channels/" + string(channel) + "/posts/")
	p.eval(`write("mine")`, nil)
	p.empty()
	p.until(`posts.list.value[0].content[0].value.text.includes("mine")`) // the entry may be gone a moment earlier
	d.same(p, 100)
	if n := f.requests("GET /api/channels/"+string(channel)+"/posts/") - before; n > 1 {
		t.Errorf("there were %d requests for the desk's own post", n)
	}
}
