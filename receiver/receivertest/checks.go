package receivertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla"
	"golang.org/x/net/html"
)

func message(n int, text string) Delivery {
	return Delivery{Channel: home, Message: n, Version: 1, Text: text, Author: "Ann"}
}

// of returns an edit of d's message. p is the post as it was first stored.
func (d Delivery) of(p motacilla.Post, version int, text string) Delivery {
	d.Post, d.Version, d.Text = p, version, text
	return d
}

func urlsIsPure(tb testing.TB, r *rig) {
	calls := r.sink.calls.Load()
	first, second := r.receiver.URLs(), r.receiver.URLs()
	if len(first) == 0 && r.source.Deliver == nil || len(first) != len(second) {
		tb.Fatalf("URLs returns %d routes, then %d", len(first), len(second))
	}
	for i, rt := range first {
		if rt.Name == "" || rt.Handler == nil || rt.Name != second[i].Name || rt.Pattern != second[i].Pattern {
			tb.Errorf("route %d is %q at %q, then %q at %q", i, rt.Name, rt.Pattern, second[i].Name, second[i].Pattern)
		}
	}
	if now := r.sink.calls.Load(); now != calls {
		tb.Errorf("URLs called the store %d times", now-calls)
	}
}

func postIsStoredOnce(tb testing.TB, r *rig) {
	d := message(1, "Kick-off")
	if status := r.deliver(tb, r.source.Post, d); status >= 400 {
		tb.Fatalf("a new message is answered with status %d", status)
	}
	p := r.one(tb)
	if !strings.Contains(text(p), "Kick-off") || !p.Show || p.Source == "" || p.MessageID == "" {
		tb.Errorf("stored as %+v", p)
	}
	before := r.posts(tb)
	for range 3 {
		if status := r.deliver(tb, r.source.Post, d); status >= 400 {
			tb.Errorf("the same message again is answered with status %d", status)
		}
		r.still(tb, before, "the same message again")
	}
}

func concurrentDelivery(tb testing.TB, r *rig) {
	const times = 50
	var wg sync.WaitGroup
	d := message(1, "Kick-off")
	for range times {
		wg.Go(func() {
			req, err := r.source.Post(r.base, d)
			if err != nil {
				tb.Errorf("make request: %v", err)
				return
			}
			if status := r.send(tb, req); status == 0 || status >= 400 {
				tb.Errorf("one of %d deliveries is answered with status %d", times, status)
			}
		})
	}
	wg.Wait()
	r.one(tb)
}

func messagesAreKeptApart(tb testing.TB, r *rig) {
	const n = 5
	for i := range n {
		r.deliver(tb, r.source.Post, message(i+1, fmt.Sprintf("the same text, %d", i/2)))
	}
	if got := len(r.posts(tb).Posts); got != n {
		tb.Errorf("%d messages make %d posts", n, got)
	}
}

func editReplacesInPlace(tb testing.TB, r *rig) {
	d := message(1, "first")
	r.deliver(tb, r.source.Post, d)
	first := r.one(tb)
	if status := r.deliver(tb, r.source.Edit, d.of(first, 2, "second")); status >= 400 {
		tb.Fatalf("an edit is answered with status %d", status)
	}
	p := r.one(tb)
	if !strings.Contains(text(p), "second") || strings.Contains(text(p), "first") {
		tb.Errorf("after the edit the text is %q", text(p))
	}
	if p.ID != first.ID || !p.Created.Equal(first.Created) || p.Revision <= first.Revision {
		tb.Errorf("the edit changed the post from %+v\nto %+v", first, p)
	}
	before := r.posts(tb)
	r.deliver(tb, r.source.Post, d)
	r.still(tb, before, "the message itself, delivered after its edit,")
}

func olderVersionNeverOverwrites(tb testing.TB, r *rig) {
	d := message(1, "first")
	r.deliver(tb, r.source.Post, d)
	first := r.one(tb)
	r.deliver(tb, r.source.Edit, d.of(first, 3, "third"))
	r.deliver(tb, r.source.Edit, d.of(first, 2, "second"))
	if got := text(r.one(tb)); !strings.Contains(got, "third") {
		tb.Errorf("version 2, delivered after version 3, leaves %q", got)
	}
}

func editRepeated(tb testing.TB, r *rig) {
	d := message(1, "first")
	r.deliver(tb, r.source.Post, d)
	edit := d.of(r.one(tb), 2, "second")
	r.deliver(tb, r.source.Edit, edit)
	before := r.posts(tb)
	r.deliver(tb, r.source.Edit, edit)
	r.still(tb, before, "the same edit again")
}

func removedStaysRemoved(tb testing.TB, r *rig) {
	d := message(1, "first")
	r.deliver(tb, r.source.Post, d)
	p := r.one(tb)
	removal := d.of(p, 2, "")
	if status := r.deliver(tb, r.source.Remove, removal); status >= 400 {
		tb.Fatalf("a removal is answered with status %d", status)
	}
	before := r.posts(tb)
	if len(before.Posts) != 0 {
		tb.Fatal("the removed post is still there")
	}
	r.deliver(tb, r.source.Remove, removal)
	r.still(tb, before, "the same removal again")
	r.deliver(tb, r.source.Edit, d.of(p, 3, "third"))
	r.still(tb, before, "an edit of a removed message")
	r.deliver(tb, r.source.Post, d)
	r.still(tb, before, "a removed message, delivered again,")
	if _, err := r.store.PostByMessage(context.Background(), home, p.MessageID); !errors.Is(err, motacilla.ErrDeleted) {
		tb.Errorf("reading the removed message returns %v", err)
	}
}

// comesFirst reports whether the source can deliver d before its message.
func comesFirst(tb testing.TB, r *rig, makes func(string, Delivery) (*http.Request, error), d Delivery) bool {
	tb.Helper()
	req, err := makes(r.base, d)
	if err != nil {
		tb.Fatalf("make request: %v", err)
	}
	return req != nil
}

func editFirst(tb testing.TB, r *rig) {
	edit := message(1, "second")
	edit.Version = 2
	if !comesFirst(tb, r, r.source.Edit, edit) {
		return
	}
	r.deliver(tb, r.source.Edit, edit)
	r.deliver(tb, r.source.Post, message(1, "first"))
	if got := text(r.one(tb)); !strings.Contains(got, "second") || strings.Contains(got, "first") {
		tb.Errorf("an edit came before its message; the post is %q, want %q", got, "second")
	}
}

func removalFirst(tb testing.TB, r *rig) {
	d := message(1, "first")
	if !comesFirst(tb, r, r.source.Remove, d) {
		return
	}
	r.deliver(tb, r.source.Remove, d)
	r.deliver(tb, r.source.Post, d)
	if n := len(r.posts(tb).Posts); n != 0 {
		tb.Errorf("a removal came before its message; there are %d posts, want none", n)
	}
}

func unknownChannel(tb testing.TB, r *rig) {
	d := message(1, "first")
	d.Channel = "no-such-channel"
	r.deliver(tb, r.source.Post, d)
	if _, err := r.store.Channel(context.Background(), d.Channel); !errors.Is(err, motacilla.ErrNotFound) {
		tb.Errorf("a message to an unknown channel: reading the channel returns %v", err)
	}
	if posts := r.posts(tb).Posts; len(posts) != 0 {
		tb.Errorf("a message to an unknown channel went to another one: %+v", posts)
	}
}

func unknownMessage(tb testing.TB, r *rig) {
	r.deliver(tb, r.source.Post, message(1, "first"))
	before := r.one(tb)
	stranger := message(2, "second").of(motacilla.Post{ID: motacilla.NewPostID(before.Created), Revision: 1}, 2, "second")
	r.deliver(tb, r.source.Remove, stranger)
	r.deliver(tb, r.source.Edit, stranger) // some sources make a post of it, since the message may still come
	for _, p := range r.posts(tb).Posts {
		if p.ID == before.ID && p.Revision == before.Revision {
			return
		}
	}
	tb.Errorf("the edit and removal of an unknown message changed another: %+v", r.posts(tb).Posts)
}

func badInput(tb testing.TB, r *rig) {
	d := message(1, "first")
	r.deliver(tb, r.source.Post, d)
	before := r.posts(tb)
	requests, err := r.source.Bad(r.base, message(2, "second"))
	if err != nil {
		tb.Fatalf("make bad requests: %v", err)
	}
	if len(requests) == 0 {
		tb.Fatal("Bad makes no requests")
	}
	for i, req := range requests {
		if status := r.send(tb, req); status < 400 || status >= 500 {
			tb.Errorf("bad request %d, %s %s, is answered with status %d", i, req.Method, req.URL.Path, status)
		}
		r.still(tb, before, fmt.Sprintf("bad request %d", i))
	}
}

func scriptNeverSurvives(tb testing.TB, r *rig) {
	hostile := []string{
		`a<script>alert(1)</script>`, `a<img src=x onerror=alert(1)>`, `<a href="javascript:alert(1)">a</a>`,
		`<b id="a" class="b" style="color:red" data-post-id="c" onclick="alert(1)">a</b>`,
		`a</div></div><div id="live-posts">`,
		`<svg/onload=alert(1)>a`, `a<iframe src="https://e.example/"></iframe>`, `a<style>*{display:none}</style>`,
	}
	for i, s := range hostile {
		d := message(2*i+1, s)
		r.deliver(tb, r.source.Post, d)
		d = message(2*i+2, "first")
		r.deliver(tb, r.source.Post, d)
		for _, p := range r.posts(tb).Posts {
			if strings.Contains(text(p), "first") {
				r.deliver(tb, r.source.Edit, d.of(p, 2, s))
			}
		}
	}
	posts := r.posts(tb).Posts
	if len(posts) == 0 {
		tb.Fatal("nothing was stored")
	}
	for _, p := range posts {
		if bad := harm(text(p)); bad != "" {
			tb.Errorf("stored %q with %s", text(p), bad)
		}
	}
}

// harm returns the part of a stored text that would do harm on a page, or "".
func harm(stored string) string {
	doc, err := html.Parse(strings.NewReader("<!doctype html><section>" + stored + "</section>"))
	if err != nil {
		return err.Error()
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "script", "style", "iframe", "object", "svg", "math", "form":
			return "<" + n.Data + ">"
		}
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), strings.HasPrefix(a.Key, "data-"):
				return a.Key
			case a.Key == "id", a.Key == "name", a.Key == "class", a.Key == "style":
				return a.Key
			case strings.HasPrefix(strings.TrimSpace(strings.ToLower(a.Val)), "javascript:"):
				return a.Val
			}
		}
	}
	if strings.Count(stored, "</div>") != strings.Count(stored, "<div") {
		return "unbalanced elements"
	}
	return ""
}

func outage(tb testing.TB, r *rig) {
	d := message(1, "first")
	r.sink.down.Store(true)
	if status := r.deliver(tb, r.source.Post, d); status < 500 {
		tb.Errorf("a message is answered with status %d while the store is down; the source would not deliver it again", status)
	}
	r.sink.down.Store(false)
	if status := r.deliver(tb, r.source.Post, d); status >= 400 {
		tb.Errorf("after the outage the message is answered with status %d", status)
	}
	r.one(tb)
}

func overload(tb testing.TB, r *rig) {
	d := message(1, "first")
	if status := r.deliver(tb, r.source.Post, d); status >= 400 {
		tb.Fatalf("a message is answered with status %d", status)
	}
	r.sink.full.Store(true)
	edit := message(1, "edited")
	edit.Version, edit.Post = 2, r.one(tb)
	for _, late := range []struct {
		what  string
		makes func(string, Delivery) (*http.Request, error)
		d     Delivery
	}{
		{"a message", r.source.Post, message(2, "second")}, {"an edit", r.source.Edit, edit}, {"a removal", r.source.Remove, edit},
	} {
		if status := r.deliver(tb, late.makes, late.d); status < 500 && status != http.StatusTooManyRequests {
			tb.Errorf("%s is answered with status %d while the store is overloaded; the source would not deliver it again", late.what, status)
		}
	}
	r.sink.full.Store(false)
	for _, status := range []int{r.deliver(tb, r.source.Post, message(2, "second")), r.deliver(tb, r.source.Remove, edit)} {
		if status >= 400 {
			tb.Errorf("after the overload a delivery is answered with status %d", status)
		}
	}
	if p := r.one(tb); p.ID == edit.Post.ID {
		tb.Error("the removed message is there, and the new one is not")
	}
}
