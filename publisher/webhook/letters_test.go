package webhook_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/relay"
	"github.com/motacilla-live/motacilla/storage/sqlite"
)

// letters returns the letters of the test's relay.
func (r *rig) letters() []relay.Letter {
	r.Helper()
	list, err := relay.NewLetters(r.Store.Records()).List(r.Context(), "partner")
	if err != nil {
		r.Fatal(err)
	}
	return list
}

// ask asks for a letter, and waits until the relay has done so or failed.
func (r *rig) ask(l relay.Letter) (sent bool) {
	r.Helper()
	letters := relay.NewLetters(r.Store.Records())
	asked, err := letters.Ask(r.Context(), l)
	if err != nil {
		r.Fatal(err)
	}
	r.Eventually("the letter is answered", func() bool {
		now, err := letters.Get(r.Context(), l.Relay, l.Channel)
		sent = errors.Is(err, motacilla.ErrNotFound)
		return sent || err == nil && now.Asked != asked
	})
	return sent
}

// What a target refuses for good is a letter at once, and what comes later is sent. Another letter of the channel is merged with the
// first. Sent again, it carries the target to the head. It is so on every store.
func TestLetters(t *testing.T) {
	for name, o := range map[string]*publishertest.SiteOptions{"memory": nil, "sqlite": {}} {
		t.Run(name, func(t *testing.T) {
			if o != nil {
				store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "live.db"), nil)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = store.Close() })
				o.Store = store
			}
			r, tg := newRig(t, o), newTarget(t)
			if o != nil {
				r.Create(channel, motacilla.Public)
			}
			p, _ := r.start(options(tg.url))
			began := r.Head(channel)
			first := r.Post(channel, "fine")
			tg.gets(r, "the first post", reaches(first.Revision))
			tg.refuse(http.StatusUnprocessableEntity)
			for i := range 2 {
				refused := r.Post(channel, "refused")
				r.Eventually("it is given up", func() bool { return p.Status().Refused == int64(i+1) })
				list := r.letters()
				if len(list) != 1 || list[0].Channel != channel || list[0].From != first.Revision || list[0].Revision != refused.Revision {
					t.Fatalf("after %d refusals the letters are %+v; the channel began at %d", i+1, list, began)
				}
			}
			letter := r.letters()[0]
			if r.ask(letter) {
				t.Fatal("the letter was sent, though the target refuses it")
			}
			tg.refuse(0)
			last := r.Post(channel, "fine again")
			m := tg.gets(r, "what comes later", reaches(last.Revision))
			if m.Data.Update.From <= first.Revision {
				t.Errorf("what was given up was sent unasked: %+v", m)
			}
			if !r.ask(letter) {
				t.Fatalf("the letter was not sent: %+v", r.letters())
			}
			m = tg.gets(r, "the letter", func(m message) bool { return m.Data.Update.From == first.Revision })
			if u := m.Data.Update; u.Revision != last.Revision || len(u.Renders) != 3 {
				t.Errorf("the letter is %+v", u)
			}
			if list := r.letters(); len(list) != 0 {
				t.Errorf("the letters are %+v", list)
			}
			r.Eventually("the count is right", func() bool { return p.Status().Letters == 0 })
			tg.gets(r, "the relay goes on", reaches(r.Post(channel, "more").Revision))
		})
	}
}

// A target that takes nothing is tried for a day. What is older is a letter, and nothing else.
func TestPatience(t *testing.T) {
	r, tg := newRig(t, nil), newTarget(t)
	r.Create("match-43", motacilla.Public)
	tg.refuse(http.StatusServiceUnavailable)
	p, _ := r.start(options(tg.url))
	post := r.Post(channel, "Goal")
	tried := func(what string) {
		t.Helper()
		before := p.Status().Failed
		r.Eventually(what, func() bool { return p.Status().Failed >= before+2 })
	}
	r.ahead.Store(int64(24*time.Hour - 10*publishertest.Patience))
	tried("it is tried for nearly a day")
	if list := r.letters(); len(list) != 0 {
		t.Fatalf("after less than a day the letters are %+v", list)
	}
	r.ahead.Store(int64(24 * time.Hour))
	r.Eventually("there is a letter after a day", func() bool { return len(r.letters()) == 1 })
	letter := r.letters()[0]
	if letter.Channel != channel || letter.Revision != post.Revision || letter.Error == "" || letter.Since.Before(post.Created) {
		t.Errorf("the letter is %+v", letter)
	}
	r.ahead.Store(0)
	later := r.Post("match-43", "Elsewhere")
	tried("what is newer is tried")
	tg.refuse(0)
	tg.gets(r, "what is newer arrives", reaches(later.Revision))
	if len(r.letters()) != 1 {
		t.Errorf("the letters are %+v", r.letters())
	}
	if err := relay.NewLetters(r.Store.Records()).Drop(t.Context(), letter); err != nil {
		t.Error(err)
	}
	r.Eventually("nothing is left", func() bool { return p.Status().Letters == 0 && len(r.letters()) == 0 })
}

// The end of a channel is tried for a day too, however long ago the channel's last update was.
func TestPatienceWithEnd(t *testing.T) {
	r, tg := newRig(t, nil), newTarget(t)
	p, _ := r.start(options(tg.url))
	tg.gets(r, "the post", reaches(r.Post(channel, "Goal").Revision))
	tg.refuse(http.StatusServiceUnavailable)
	r.ahead.Store(int64(48 * time.Hour))
	if _, err := r.Store.DeleteChannel(t.Context(), channel); err != nil {
		t.Fatal(err)
	}
	r.Eventually("it is tried again", func() bool { return p.Status().Failed >= 3 })
	if list := r.letters(); len(list) != 0 {
		t.Fatalf("at once the letters are %+v", list)
	}
	r.ahead.Store(int64(80 * time.Hour))
	r.Eventually("there is a letter after a day", func() bool { return len(r.letters()) == 1 })
}

// A target that answers 410 gets nothing more, also after a restart, until somebody lets the relay go on.
func TestUnwanted(t *testing.T) {
	r, tg := newRig(t, nil), newTarget(t)
	tg.refuse(http.StatusGone)
	p, stop := r.start(options(tg.url))
	first := r.Post(channel, "Goal")
	r.Eventually("the relay rests", func() bool { return p.Status().Resting && len(r.letters()) == 1 })
	stop()
	calls := tg.called()
	p, _ = r.start(options(tg.url))
	r.Eventually("the next one rests too", func() bool { return p.Status().Resting })
	r.Post(channel, "Another")
	r.Eventually("it knows of that", func() bool { return p.Status().Behind == 1 })
	if calls != 1 {
		t.Errorf("the target was called %d times before the relay rested", calls)
	}
	if list := r.letters(); tg.called() != calls || len(list) != 1 || list[0].Channel != "" {
		t.Fatalf("the target was called %d times, and %d times in all; the letters are %+v", calls, tg.called(), list)
	}
	tg.refuse(0)
	if !r.ask(r.letters()[0]) {
		t.Fatalf("the letters are %+v", r.letters())
	}
	m := tg.gets(r, "everything since", reaches(r.Head(channel)))
	if m.Data.Update.From >= first.Revision || len(m.Data.Update.Renders) != 2 {
		t.Errorf("the target gets %+v", m.Data.Update)
	}
	r.Eventually("the relay does not rest", func() bool { return !p.Status().Resting })
}

// A letter of a channel that was deleted says so.
func TestLetterOfDeletedChannel(t *testing.T) {
	r, tg := newRig(t, nil), newTarget(t)
	tg.refuse(http.StatusBadRequest)
	p, _ := r.start(options(tg.url))
	r.Post(channel, "Goal")
	r.Eventually("it is given up", func() bool { return p.Status().Refused >= 1 })
	if _, err := r.Store.DeleteChannel(t.Context(), channel); err != nil {
		t.Fatal(err)
	}
	r.Eventually("the end is given up", func() bool { return p.Status().Refused >= 2 })
	tg.refuse(0)
	if !r.ask(r.letters()[0]) {
		t.Fatalf("the letters are %+v", r.letters())
	}
	if list := tg.messages(); len(list) != 1 || list[0].Type != "channel.gone" {
		t.Errorf("the target got %+v", list)
	}
}
