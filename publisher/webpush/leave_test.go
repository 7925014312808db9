package webpush

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/work"
)

// first does the first job of a post.
func (r *rig) first(post motacilla.Post) error {
	r.t.Helper()
	payload, err := json.Marshal(job{Channel: match, Post: post.ID})
	if err != nil {
		r.t.Fatal(err)
	}
	return r.do(r.t.Context(), work.Job{Payload: payload, Attempt: 1})
}

// permitted subscribes a browser whose reader has a permission of its own.
func (r *rig) permitted(path string, keep time.Duration) reader {
	r.t.Helper()
	c, err := r.store.Channel(r.t.Context(), match)
	if err != nil {
		r.t.Fatal(err)
	}
	to := reader{Subscription: r.service.browser(path), born: c.Created, seen: time.Now()}
	if err := r.readers.Load().save(r.t.Context(), match, "", to, keep); err != nil {
		r.t.Fatal(err)
	}
	return to
}

func (r *rig) close() {
	r.t.Helper()
	_, err := storage.EditChannel(r.t.Context(), r.store, match, func(c *motacilla.Channel) error { c.Access = motacilla.Private; return nil })
	if err != nil {
		r.t.Fatal(err)
	}
	await(r.t, "the feed knows that the channel is private", func() bool {
		c, err := r.feed.Channel(r.t.Context(), match)
		return err == nil && c.Access == motacilla.Private
	})
}

// TestChannelThatBecamePrivate: who has a permission is told of it, unless private channels are not to be told of, or the permission was
// last seen longer than keepPrivate ago.
func TestChannelThatBecamePrivate(t *testing.T) {
	for _, tt := range []struct {
		name    string
		private bool
		seen    time.Duration
		want    int
	}{
		{"now", true, 0, 1},
		{"long ago", true, keepPrivate + time.Hour, 0},
		{"private channels are left out", false, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Defaults()
			o.Private = tt.private
			r := newRig(t, o)
			identify(t, r.Publisher)
			c, err := r.store.Channel(t.Context(), match)
			if err != nil {
				t.Fatal(err)
			}
			to := reader{Subscription: r.service.browser("/0"), born: c.Created, seen: time.Now().Add(-tt.seen)}
			if err := r.readers.Load().save(t.Context(), match, "", to, o.Keep); err != nil {
				t.Fatal(err)
			}
			post := r.post(goal())
			r.close()
			if err := r.first(post); err != nil {
				t.Fatal(err)
			}
			if _, n := r.service.times("/0"); n != tt.want {
				t.Errorf("the service was asked %d times, want %d", n, tt.want)
			}
		})
	}
}

// TestHolderOfASubscription: who subscribed to a private channel is told for as long as its permission is not revoked. If that can't be
// told, it is told later. Of a public channel everybody is told.
func TestHolderOfASubscription(t *testing.T) {
	away := errors.New("the store is away")
	for _, tt := range []struct {
		name    string
		private bool
		known   bool
		err     error
		told    int
		left    int // subscriptions that are kept
	}{
		{"permitted", true, true, nil, 1, 1},
		{"revoked", true, false, nil, 0, 0},
		{"it can't be told", true, false, away, 0, 1},
		{"revoked, but the channel is public", false, false, nil, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			holder, _ := route.NewHolder("session/1", "person/anna", "Anna")
			r := newRigOf(t, nil, &publisher.FeedOptions{
				Holder: func(_ context.Context, id string, ch motacilla.ChannelID) (*route.Holder, error) {
					if id != holder.ID || ch != match {
						t.Errorf("asked for %q on %q", id, ch)
					}
					if !tt.known {
						return nil, tt.err
					}
					return holder, nil
				},
			})
			identify(t, r.Publisher)
			if tt.private {
				r.close()
			}
			c, err := r.store.Channel(t.Context(), match)
			if err != nil {
				t.Fatal(err)
			}
			to := reader{Subscription: r.service.browser("/0"), born: c.Created, seen: time.Now(), holder: holder.ID}
			if err := r.readers.Load().save(t.Context(), match, "", to, time.Hour); err != nil {
				t.Fatal(err)
			}
			if err := r.first(r.post(goal())); (err != nil) != (tt.err != nil) {
				t.Errorf("the job: %v", err)
			}
			list, err := r.store.Records().List(t.Context(), subscriptions, prefix(match), "", 2)
			if _, n := r.service.times("/0"); n != tt.told || err != nil || len(list) != tt.left {
				t.Errorf("told %d times, want %d; %d are kept, want %d (%v)", n, tt.told, len(list), tt.left, err)
			}
		})
	}
}

// TestShorterPermission: a reader that comes back with a permission that ends sooner is forgotten then.
func TestShorterPermission(t *testing.T) {
	r := newRig(t, nil)
	identify(t, r.Publisher)
	to := r.permitted("/0", 60*24*time.Hour)
	expires := func() time.Duration {
		list, err := r.store.Records().List(t.Context(), subscriptions, prefix(match), "", 2)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		return time.Until(list[0].Expires)
	}
	for _, keep := range []time.Duration{keepPrivate, time.Hour} {
		if err := r.readers.Load().save(t.Context(), match, "", to, keep); err != nil {
			t.Fatal(err)
		}
		if left := expires(); left > keep {
			t.Errorf("it is kept for %v, want %v", left, keep)
		}
	}
}

// TestServicesThatAreNoLongerCalled: subscriptions from before the option was set are kept, and not called.
func TestServicesThatAreNoLongerCalled(t *testing.T) {
	o := Defaults()
	o.Services = []string{"push.example.net"}
	r := newRig(t, o)
	identify(t, r.Publisher)
	paths := r.subscribers(3)
	if err := r.first(r.post(goal())); err != nil {
		t.Fatal(err)
	}
	if _, n := r.service.times(paths...); n != 0 || r.Figures().Refused != 3 || count(t, r.store, subscriptions) != 3 {
		t.Errorf("the service was asked %d times: %+v", n, r.Figures())
	}
}

// TestRedirects are not followed: they lead where no reader has subscribed, and most turn the message into a question.
func TestRedirects(t *testing.T) {
	r := newRig(t, nil)
	identify(t, r.Publisher)
	statuses := map[string]int{"/0": http.StatusMovedPermanently, "/1": http.StatusFound, "/2": http.StatusTemporaryRedirect}
	r.service.answer = func(w http.ResponseWriter, path string, _ int) bool {
		status := statuses[path]
		if status == 0 {
			t.Errorf("%s was asked", path)
			status = http.StatusOK
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		return false
	}
	paths := r.subscribers(3)
	if err := r.first(r.post(goal())); err == nil || r.Figures().Sent != 0 {
		t.Errorf("%+v, %v", r.Figures(), err)
	}
	if _, n := r.service.times(paths...); n != 3 {
		t.Errorf("the service was asked %d times", n)
	}
}

// TestPlaceOfALeaver: a reader that has left takes no place of its address, wherever it leaves from, and however the server learns of it.
func TestPlaceOfALeaver(t *testing.T) {
	o := Defaults()
	o.PerAddress = 1
	for name, leave := range map[string]func(r *rig, rs *readers, to reader) error{
		"it says so from another address": func(r *rig, rs *readers, to reader) error {
			return rs.remove(t.Context(), match, to.endpoint)
		},
		"its push service says so": func(r *rig, _ *readers, _ reader) error {
			r.service.answer = func(w http.ResponseWriter, _ string, _ int) bool { w.WriteHeader(http.StatusGone); return false }
			return r.first(r.post(goal()))
		},
		"it comes back": func(r *rig, rs *readers, to reader) error {
			if err := rs.forget(t.Context(), subscriptions, prefix(match)+rs.hash(to.endpoint)); err != nil { // as at the end of its time
				return err
			}
			if err := rs.save(t.Context(), match, "home", to, time.Hour); err != nil {
				return err
			}
			return rs.remove(t.Context(), match, to.endpoint)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, o)
			identify(t, r.Publisher)
			rs := r.readers.Load()
			c, err := r.store.Channel(t.Context(), match)
			if err != nil {
				t.Fatal(err)
			}
			comes := func(path string) (reader, error) {
				to := reader{Subscription: r.service.browser(path), whilePublic: true, born: c.Created}
				return to, rs.save(t.Context(), match, "home", to, time.Hour)
			}
			to, err := comes("/0")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := comes("/1"); !errors.Is(err, motacilla.ErrTooMany) {
				t.Fatalf("one more: %v", err)
			}
			if err := leave(r, rs, to); err != nil {
				t.Fatal(err)
			}
			if n := count(t, r.store, networks); n != 0 {
				t.Errorf("%d places are taken", n)
			}
			if _, err := comes("/1"); err != nil {
				t.Errorf("another one in its place: %v", err)
			}
		})
	}
}

// TestSummary: the log tells why a message was refused, and a job why it is done again.
func TestSummary(t *testing.T) {
	no, busy := errors.New("no"), errors.New("busy")
	var s summary
	s.count(outcome{kind: later, after: time.Minute, err: busy})
	s.count(outcome{kind: refused, err: no})
	s.count(outcome{kind: later, err: busy})
	s.count(outcome{kind: sent})
	if !errors.Is(s.refusal, no) || !errors.Is(s.err, busy) || s.after != time.Minute || s.settled != 2 {
		t.Errorf("the summary is %+v", s)
	}
}
