package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/motacilla-live/motacilla"
)

// TestOlderPostsAfterAReset has a proxy hold the answer to "Earlier posts" until the page has had a reset. The answer
// must not fill the list: the posts between it and the new page would be missing.
func TestOlderPostsAfterAReset(t *testing.T) {
	t.Parallel()
	s := newStack(t, "interval-polling")
	var want []string
	post := func(n int) {
		for range n {
			text := fmt.Sprint("post ", len(want))
			s.post(text)
			want = append(want, text)
		}
	}
	post(55)
	s.start()
	f := newFront(t, s)
	asked, held := make(chan struct{}, 1), make(chan struct{})
	release := sync.OnceFunc(func() { close(held) })
	t.Cleanup(release) // before the proxy's, which waits for its requests
	late := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		select {
		case asked <- struct{}{}:
			<-held
		default:
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}
	f.older.Store(&late)
	p := open(t, browser(t), f.url)
	p.live()
	p.eval(`document.querySelector("[data-live-older]").click()`, nil)
	receive(t, "the page asks for earlier posts", asked)
	p.hide(true)
	post(510) // more than one delta brings
	p.hide(false)
	slices.Reverse(want)
	// If the store is slow, the reset is the last snapshot that the server has, and what is newer follows it.
	p.until(fmt.Sprintf("%s[0] === %q", visible, want[0]))
	var shown []string
	p.eval(visible, &shown)
	p.shows(want[:len(shown)]...)
	release()
	p.until(fmt.Sprintf(`document.querySelectorAll("#live-posts > .live-post-wrapper").length > %d`, len(shown)))
	for n := len(shown) + 50; ; n += 50 {
		p.shows(want[:min(n, len(want))]...)
		if n >= len(want) {
			break
		}
		p.eval(`document.querySelector("[data-live-older]").click()`, nil)
	}
	p.until(`document.querySelector("[data-live-older]").hidden`)
}

// TestOlderPostsOfAnOldRevision has a proxy answer "Earlier posts" with a page from before the page's own revision. A
// post that was removed in between must not come back.
func TestOlderPostsOfAnOldRevision(t *testing.T) {
	t.Parallel()
	s := newStack(t, "long-polling")
	var ids []motacilla.PostID
	var want []string
	for i := range 60 {
		ids = append(ids, s.post(fmt.Sprint("post ", i)))
		want = append(want, fmt.Sprint("post ", i))
	}
	s.start()
	f := newFront(t, s)
	p := open(t, browser(t), f.url)
	p.live()
	var href string
	p.eval(`document.querySelector("[data-live-older]").href`, &href)
	stale := get(t, href)
	s.remove(ids[5])
	want = slices.Delete(want, 5, 6)
	slices.Reverse(want)
	var asked atomic.Int64
	old := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if asked.Add(1) > 1 {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(stale))
	}
	f.older.Store(&old)
	p.eval(`location.reload()`, nil)
	p.until(`performance.getEntriesByType("navigation")[0].type === "reload"`)
	p.live()
	p.shows(want[:50]...)
	p.eval(`document.querySelector("[data-live-older]").click()`, nil)
	p.shows(want...)
	if asked.Load() != 2 {
		t.Errorf("the page asked %d times, want a second time after the old page", asked.Load())
	}
}
