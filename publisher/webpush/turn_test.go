package webpush

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/work"
)

// TestShownAgain: a post that was hidden when its turn came is told of when it is shown.
func TestShownAgain(t *testing.T) {
	r := newRig(t, nil)
	identify(t, r.Publisher)
	paths := r.subscribers(2)
	post := r.post(goal())
	for _, show := range []bool{false, true, true} {
		r.edit(post.ID, func(p *motacilla.Post) { p.Show = show })
		if err := r.first(post); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := r.service.times(paths...); !slices.Equal(got, []int{1, 1}) {
		t.Errorf("the readers have %v messages", got)
	}
}

// TestNothingIsSentThatCannotBeNoted: another node may do the job, or nobody would know what was sent.
func TestNothingIsSentThatCannotBeNoted(t *testing.T) {
	r := newRig(t, nil)
	identify(t, r.Publisher)
	paths := r.subscribers(2)
	p := r.node(nil, &dying{Store: r.store})
	identify(t, p)
	payload, _ := json.Marshal(job{Channel: match, Post: r.post(goal()).ID})
	if err := p.do(t.Context(), work.Job{Payload: payload}); !errors.Is(err, motacilla.ErrUnavailable) {
		t.Errorf("a node that can't write: %v", err)
	}
	if _, n := r.service.times(paths...); n != 0 {
		t.Errorf("the service was asked %d times", n)
	}
}

// TestBusyService: a job waits for as long as the push service says, within reason.
func TestBusyService(t *testing.T) {
	for header, want := range map[string]time.Duration{"60": time.Minute, "86400": mostPatient, "soon": 0} {
		r := newRig(t, nil)
		r.service.answer = func(w http.ResponseWriter, path string, _ int) bool {
			if path == "/0" {
				w.Header().Set("Retry-After", header)
				w.WriteHeader(http.StatusTooManyRequests)
			}
			return path != "/0"
		}
		identify(t, r.Publisher)
		r.subscribers(2)
		var later *motacilla.RetryError
		if err := r.first(r.post(goal())); !errors.As(err, &later) || later.After != want || work.IsPermanent(err) {
			t.Errorf("%q: %v, want %v", header, err, want)
		}
	}
}

func TestCurrent(t *testing.T) {
	const keep = 60 * 24 * time.Hour
	for left, want := range map[time.Duration]bool{
		keep: true, keep - renewAfter/2: true, keep - 2*renewAfter: false, keep + renewAfter: false,
	} {
		if current(motacilla.Record{Expires: time.Now().Add(left)}, keep) != want {
			t.Errorf("with %v left: %v", left, !want)
		}
	}
}

// TestGrants: a reader is told for no longer than its permission lasts, and of private channels only if they are to be told of.
func TestGrants(t *testing.T) {
	open := Defaults()
	shut := Defaults()
	shut.Private = false
	holder, _ := route.NewHolder("session/1", "person/anna", "Anna")
	hour := route.Grant{Expires: time.Now().Add(time.Hour)}
	for _, tt := range []struct {
		name    string
		o       *Options
		private bool
		grant   route.Grant
		keep    time.Duration // the most; 0 is refused
	}{
		{"public", open, false, route.Grant{WhilePublic: true}, 60 * 24 * time.Hour},
		{"public, with a permission that ends", open, false, hour, time.Hour},
		{"private", open, true, route.Grant{}, keepPrivate},
		{"private, with a permission that can be revoked", open, true, route.Grant{Holder: holder}, keepPrivate},
		{"private, with a permission that ends", open, true, hour, time.Hour},
		{"private, without a permission", open, true, route.Grant{WhilePublic: true}, 0},
		{"private channels are left out", shut, true, route.Grant{}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.o)
			identify(t, r.Publisher)
			if tt.private {
				r.close()
			}
			to, _ := subscribed(t, "https://push.example.net/one")
			body, err := json.Marshal(asks{r.readers.Load().vapid.public, to.wire()})
			if err != nil {
				t.Fatal(err)
			}
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(body))
			err = r.subscribe(httptest.NewRecorder(), route.WithGrant(request, tt.grant), match)
			list, listErr := r.store.Records().List(t.Context(), subscriptions, prefix(match), "", 2)
			if tt.keep == 0 {
				if !errors.Is(err, motacilla.ErrForbidden) || len(list) != 0 {
					t.Errorf("%v, %d are kept", err, len(list))
				}
				return
			}
			if err != nil || listErr != nil || len(list) != 1 {
				t.Fatal(err, listErr, list)
			}
			got, err := parseReader(list[0])
			left := time.Until(list[0].Expires)
			if err != nil || left > tt.keep || left < tt.keep/2 || got.seen.IsZero() != tt.grant.WhilePublic {
				t.Errorf("it is kept for %v, want %v: %+v (%v)", left, tt.keep, got, err)
			}
			if tt.grant.Holder != nil && got.holder != holder.ID || tt.grant.Holder == nil && got.holder != "" {
				t.Errorf("it is kept with the holder %q", got.holder)
			}
		})
	}
}
