package cluster

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"

	"github.com/motacilla-live/motacilla"
)

const match motacilla.ChannelID = "match-42"

// TestConvergence makes random changes through three nodes. Meanwhile readers of all transports move between the nodes,
// and nodes are killed and started. In the end the store holds what was acknowledged, and every reader what the store
// holds.
func TestConvergence(t *testing.T) {
	each(t, func(t *testing.T, b *backend) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewPCG(seed, 0))
		front := newBalancer(t, b.wire)
		var nodes []*node
		add := func() {
			n := startNode(t, b.flags(b.addr)...)
			nodes = append(nodes, n)
			front.add(n.addr)
		}
		kill := func() {
			at := rng.IntN(len(nodes))
			nodes[at].kill()
			front.remove(nodes[at].addr)
			nodes = slices.Delete(nodes, at, at+1)
		}
		for range 3 {
			add()
		}
		must(t, front.url(), http.MethodPost, "", map[string]any{"id": match}, nil)

		var readers []*reader
		for range 2 {
			readers = append(readers, readAll(t, b.wire, front.url(), match)...)
		}
		allAt(t, readers, 1)
		var writers []*writer
		for i := range 3 {
			writers = append(writers, &writer{
				name: fmt.Sprintf("w%d", i), base: front.url(), channel: match, rng: rand.New(rand.NewPCG(seed, uint64(i+1))),
			})
		}
		changes := 120
		if *soak {
			changes = 3000
		}
		done := make(chan struct{}, len(writers)*changes)
		written := make(chan struct{})
		go func() {
			defer close(written)
			together(t.Context(), t, writers, changes, func() { done <- struct{}{} })
			close(done)
		}()
		defer func() { <-written }()
		events := []func(){kill, add, kill, add}
		every := len(writers) * changes / (len(events) + 1)
		made := 0
		for range done {
			made++
			switch {
			case made%every == 0 && made/every <= len(events):
				events[made/every-1]()
			case made%20 == 0:
				readers[rng.IntN(len(readers))].move()
			case made%33 == 0:
				front.cut(0.2)
			}
		}
		if t.Failed() {
			t.FailNow()
		}

		l := level(t, urls(nodes), readers)
		accounted(t, l, writers)
		equal(t, readers)
		retried := 0
		for _, w := range writers {
			retried += w.retried
		}
		goOn(t, readers, writers)
		t.Logf("%d writes, %d answers lost, %d posts in the end", made, retried, len(l.posts))

		// The channel is deleted, and another of the same name is created at once.
		must(t, front.url(), http.MethodDelete, "/"+string(match), nil, nil)
		must(t, front.url(), http.MethodPost, "", map[string]any{"id": match, "title": "Another life"}, nil)
		for i, w := range writers {
			writers[i] = &writer{name: w.name, base: w.base, channel: match, rng: rng, head: w.head}
			for range 3 {
				if err := writers[i].create(t.Context(), "in another life"); err != nil {
					t.Fatal(err)
				}
				writers[i].made++
			}
		}
		l = level(t, urls(nodes), readers)
		accounted(t, l, writers)
		equal(t, readers)
		for _, n := range nodes {
			if err := n.stop(); err != nil {
				t.Errorf("the node at %s: %v", n.addr, err)
			}
		}
	})
}

func urls(nodes []*node) (list []string) {
	for _, n := range nodes {
		list = append(list, n.url)
	}
	return list
}

// level waits until every reader is at the head, and compares readers with the store. All nodes must list the same.
func level(t *testing.T, bases []string, readers []*reader) *listing {
	t.Helper()
	var first *listing
	for _, base := range bases {
		l := list(t, base, match)
		if first == nil {
			first = l
		} else if l.String() != first.String() {
			t.Errorf("the node at %s lists\n%s the first\n%s", base, l, first)
		}
	}
	for _, r := range readers {
		if err := r.at(first.channel.Head, hang); err != nil {
			t.Error(err)
		}
		r.check(t, first)
	}
	if t.Failed() {
		t.FailNow()
	}
	return first
}

// equal compares readers with each other. Readers that began with the empty channel hold all of it.
func equal(t *testing.T, readers []*reader) {
	t.Helper()
	show := func(r *reader) (text string) {
		for _, p := range r.shown() {
			if p.Show {
				text += fmt.Sprintln(p.ID, p.Revision, p.Created, p.Modified, p.Pinned, p.Content)
			}
		}
		return text
	}
	want := show(readers[0])
	for _, r := range readers[1:] {
		if got := show(r); got != want {
			t.Errorf("%s shows\n%s%s\n%s", r.name, got, readers[0].name, want)
		}
	}
}
