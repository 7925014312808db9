package slack_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver/slack"
	"github.com/motacilla-live/motacilla/storage"
)

func TestEditorsOnly(t *testing.T) {
	r := newRig(t, func(o *slack.Options) { all(o); o.Editors = []string{"U024BE7LH"} })
	r.deliver(callback(newMessage("1700000001.000100", "x")))
	r.deliver(callback(reaction("added", "U0G9QF9C6", "pushpin", "1700000001.000100", "1700000002.000100")))
	if r.one().Pinned {
		t.Error("a reader's reaction pins the post")
	}
	r.deliver(callback(reaction("added", "U024BE7LH", "pushpin", "1700000001.000100", "1700000002.000200")))
	r.deliver(callback(reaction("removed", "U0G9QF9C6", "pushpin", "1700000001.000100", "1700000002.000300")))
	if !r.one().Pinned {
		t.Error("an editor's reaction does not pin the post, or a reader's undoes it")
	}
	r.deliver(callback(reaction("removed", "U024BE7LH", "pushpin", "1700000001.000100", "1700000002.000400")))
	if r.one().Pinned {
		t.Error("without a reaction the post is still pinned")
	}
}

// What an editor does here stays until a reaction comes or goes. An edit in Slack changes nothing of it.
func TestEditorHereAndReactions(t *testing.T) {
	r := newRig(t, all)
	first := newMessage("1700000001.000100", "first")
	r.deliver(callback(first))
	r.deliver(callback(reaction("added", "U024BE7LH", "pushpin", "1700000001.000100", "1700000002.000100")))
	p := r.one()
	if _, err := storage.Edit(context.Background(), r.store, home, p.ID, func(p *motacilla.Post) error {
		p.Pinned, p.KeyEvent = false, true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	r.deliver(callback(changed("1700000003.000100", newMessage("1700000001.000100", "second"), first)))
	if p := r.one(); p.Pinned || !p.KeyEvent || texts(p) != "second" {
		t.Errorf("the edit in Slack makes %s", dump([]motacilla.Post{p}))
	}
}

// One node has read the reactions and is about to pin the post. Meanwhile another node takes the reaction's end.
func TestReactionEndsMeanwhile(t *testing.T) {
	w, store := newWorkspace(t), newStore(t)
	slow, quick := newNode(t, w, store, &images{}, log(t), all), newNode(t, w, store, &images{}, log(t), all)
	quick.deliver(callback(newMessage("1700000001.000100", "x")))
	hold, held := make(chan struct{}), make(chan struct{}, 10)
	slow.sink.hold, slow.sink.held = hold, held
	var first sync.WaitGroup
	first.Go(func() {
		slow.send(signed(slow.base+hook, callback(reaction("added", "U024BE7LH", "pushpin", "1700000001.000100", "1700000002.000100"))))
	})
	<-held
	quick.deliver(callback(reaction("removed", "U024BE7LH", "pushpin", "1700000001.000100", "1700000002.000200")))
	close(hold)
	first.Wait()
	if quick.one().Pinned {
		t.Error("the reaction is gone, and the post is pinned")
	}
}

// The message is about to be stored when another node takes a reaction to it.
func TestReactionComesMeanwhile(t *testing.T) {
	w, store := newWorkspace(t), newStore(t)
	slow, quick := newNode(t, w, store, &images{}, log(t), all), newNode(t, w, store, &images{}, log(t), all)
	hold, held := make(chan struct{}), make(chan struct{}, 10)
	slow.sink.hold, slow.sink.held = hold, held
	var first sync.WaitGroup
	first.Go(func() { slow.send(signed(slow.base+hook, callback(newMessage("1700000001.000100", "x")))) })
	<-held
	quick.deliver(callback(reaction("added", "U024BE7LH", "pushpin", "1700000001.000100", "1700000002.000100")))
	close(hold)
	first.Wait()
	if !quick.one().Pinned {
		t.Error("the reaction is there, and the post is not pinned")
	}
}

// Readers never see a post that was hidden before its message came.
func TestHiddenFromTheStart(t *testing.T) {
	r := newRig(t, all)
	r.deliver(callback(reaction("added", "U024BE7LH", "see_no_evil", "1700000001.000100", "1700000002.000100")))
	r.deliver(callback(newMessage("1700000001.000100", "x")))
	if r.one().Show || r.sink.shown {
		t.Error("the post was shown for a moment")
	}
}

// Reactions and their message come at once, to two nodes, in every order. The end is the same.
func TestReactionsInAnyOrder(t *testing.T) {
	w, store := newWorkspace(t), newStore(t)
	nodes := []*rig{newNode(t, w, store, &images{}, log(t), all), newNode(t, w, store, &images{}, log(t), all)}
	const messages = 40
	type delivery struct {
		event map[string]any
	}
	var list []delivery
	add := func(e map[string]any) { list = append(list, delivery{e}) }
	for i := range messages {
		ts := fmt.Sprintf("1700000001.%06d", i+1)
		add(newMessage(ts, "x", "user_profile", map[string]any{"display_name": "Ann"}))
		for n := range 5 { // added, removed, added, removed, added
			kind := []string{"added", "removed"}[n%2]
			add(reaction(kind, "U024BE7LH", "pushpin", ts, fmt.Sprintf("170000%04d.%06d", 2+n, i+1)))
			add(reaction([]string{"removed", "added"}[n%2], "U024BE7LH", "star", ts, fmt.Sprintf("170000%04d.%06d", 2+n, i+1)))
		}
		add(reaction("added", "U0G9QF9C6", "see_no_evil", ts, "1700000009.000100"))
	}
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	next := make(chan map[string]any)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			r := nodes[i%2]
			for e := range next {
				payload := callback(e)
				for { // Slack sends what was not stored again
					if status, _ := r.send(signed(r.base+hook, payload)); status == 200 {
						break
					}
				}
			}
		})
	}
	for _, d := range list {
		next <- d.event
	}
	close(next)
	all.Wait()
	posts := nodes[0].posts()
	if len(posts) != messages {
		t.Errorf("there are %d posts, want %d", len(posts), messages)
	}
	for _, p := range posts {
		if !p.Pinned || p.KeyEvent || p.Show {
			t.Errorf("in the end: %s", dump([]motacilla.Post{p}))
		}
	}
}
