package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// later is a time at which nothing of these tests comes out by itself.
func later() string { return time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339) }

// fills puts 20 posts and 10 scheduled drafts into the outbox.
func fills(p *tab) (texts []string) {
	p.t.Helper()
	texts = numbered("post %02d", 20)
	p.eval(fmt.Sprintf(`(async () => {
		for (const [i, words] of %s.entries()) {
			await write(words);
			if (i %% 2) await schedule("draft for " + words, %q);
		}
	})()`, js(texts), later()), nil)
	return texts
}

// hasAll checks that each of the posts is there once, in order, and each of the drafts is scheduled once. Then the drafts come out.
func (d *deskSite) hasAll(texts []string) {
	d.t.Helper()
	if got := d.texts(); !slices.Equal(got, texts) {
		d.t.Fatalf("the posts are\n%q, want\n%q", got, texts)
	}
	drafts := d.drafts()
	var scheduled, want []string
	for i, words := range texts {
		if i%2 == 1 {
			want = append(want, "draft for "+words)
		}
	}
	for _, one := range drafts {
		if one.State != "scheduled" {
			d.t.Errorf("a draft is %s", one.State)
		}
		scheduled = append(scheduled, one.words())
	}
	if !slices.Equal(scheduled, want) {
		d.t.Fatalf("the drafts are\n%q, want\n%q", scheduled, want)
	}
	for _, one := range drafts {
		d.api(http.MethodPost, "channels/"+string(channel)+"/drafts/"+one.ID+"/publish", map[string]any{}, nil)
	}
	out := d.texts()
	slices.Sort(out)
	all := slices.Concat(texts, want)
	slices.Sort(all)
	if !slices.Equal(out, all) {
		d.t.Errorf("in the end there are\n%q, want\n%q", out, all)
	}
}

// dies has the server be killed when it has acted on the nth write, before the answer goes out.
func (d *deskSite) dies(f *deskFront, nth int64) (dead chan struct{}) {
	var writes atomic.Int64
	dead = make(chan struct{})
	f.loses(func(r *http.Request, status int) bool {
		if r.Method != http.MethodPost || status >= 300 || strings.HasPrefix(r.URL.Path, "/live/") {
			return true
		}
		n := writes.Add(1)
		if n == nth {
			d.kill()
			close(dead)
		}
		return n < nth
	})
	return dead
}

// TestDeskOutboxOutlivesTheServer: the server is killed with posts in the browser's outbox that are sent, under way and waiting. Each is
// there once in the end, in order.
func TestDeskOutboxOutlivesTheServer(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	for _, nth := range []int64{1, 8, 15} {
		t.Run(fmt.Sprintf("killed at write %d", nth), func(t *testing.T) {
			t.Parallel()
			d := newDeskSite(t)
			f := newDeskFront(t, d)
			p := f.opens(d.as(browser(t), d.person("ed", "editor")), "")
			dead := d.dies(f, nth)
			texts := fills(p)
			receive(t, "the server was killed", dead)
			f.loses(nil)
			d.start()
			p.eval(`desk.outbox.kick()`, nil)
			p.empty()
			d.hasAll(texts)
		})
	}
}

// TestDeskOutboxOutlivesTheTab: as before, and the tab is closed while the server is away.
func TestDeskOutboxOutlivesTheTab(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSite(t)
	f := newDeskFront(t, d)
	in := d.as(browser(t), d.person("ed", "editor"))
	p := f.opens(in, "")
	dead := d.dies(f, 7)
	texts := fills(p)
	receive(t, "the server was killed", dead)
	p.close()
	f.loses(nil)
	d.start()
	f.opens(in, "").empty()
	d.hasAll(texts)
}

// TestDeskOutboxGoesToAnotherTab: of two tabs one sends. It is closed while an answer is on its way; the other one goes on.
func TestDeskOutboxGoesToAnotherTab(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSite(t)
	f := newDeskFront(t, d)
	in := d.as(browser(t), d.person("ed", "editor"))
	first := f.opens(in, "")
	first.until(`desk.outbox.leads.value`)
	second := f.opens(in, "")
	var writes atomic.Int64
	reached, closed := make(chan struct{}), make(chan struct{})
	f.loses(func(r *http.Request, status int) bool {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/posts") && writes.Add(1) == 4 {
			close(reached)
			<-closed
		}
		return true
	})
	texts := fills(second)
	receive(t, "the first tab waits for an answer", reached)
	second.until(`!desk.outbox.leads.value`)
	first.close()
	close(closed)
	second.until(`desk.outbox.leads.value`)
	second.empty()
	d.hasAll(texts)
}
