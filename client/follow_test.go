package client_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
)

// each runs a test with each transport.
func each(t *testing.T, test func(t *testing.T, name string)) {
	for _, name := range ours() {
		t.Run(name, func(t *testing.T) { test(t, name) })
	}
}

// patient returns a context that ends a test that hangs.
func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestFollow(t *testing.T) {
	each(t, func(t *testing.T, name string) {
		s := open(t)
		s.post(t, "Kick-off")
		var view motacilla.View
		steps := []func(){
			func() { s.post(t, "Goal") },
			s.cut,
			func() { s.post(t, "Missed nothing") },
			func() {
				s.stop()
				s.post(t, "While it was away")
				s.start(t)
			},
			func() {
				if _, err := s.store.DeleteChannel(t.Context(), match); err != nil {
					t.Error(err)
				}
			},
		}
		resets := 0
		for u, err := range following(patient(t), s.url(), match, s.quick(name)) {
			if errors.Is(err, motacilla.ErrNotFound) && len(steps) == 0 { // it was deleted between two polls
				view.Gone = true
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if again := view.Apply(&u, true); again {
				t.Fatalf("an update from %d to %d can't be applied at %d", u.From, u.Revision, view.Revision)
			}
			if u.Reset {
				resets++
			}
			if u.Gone {
				break
			}
			if len(steps) == 0 || view.Revision < s.head(t) { // heartbeats may have been on their way
				continue
			}
			if got, want := held(&view), s.visible(t, view.Floor()); got != want {
				t.Fatalf("held:\n%swant:\n%s", got, want)
			}
			steps[0]()
			steps = steps[1:]
		}
		if !view.Gone || len(steps) > 0 || resets != 1 {
			t.Errorf("gone %v with %d steps left and %d resets, want true, 0 and 1", view.Gone, len(steps), resets)
		}
	})
}

// last returns Follow's error and the number of updates before it.
func last(ctx context.Context, base string, ch motacilla.ChannelID, o *settings) (updates int, err error) {
	for _, e := range following(ctx, base, ch, o) {
		if e != nil {
			err = e
			continue
		}
		updates++
	}
	return updates, err
}

func TestErrors(t *testing.T) {
	s := open(t)
	for _, tt := range []struct {
		name    string
		channel motacilla.ChannelID
		base    string
		secret  string
		o       settings
		want    error
		text    string
	}{
		{name: "no such channel", channel: "nowhere", want: motacilla.ErrNotFound},
		{name: "no channel's ID", channel: "a/b", want: motacilla.ErrInvalid},
		{name: "no URL", base: "localhost", want: motacilla.ErrInvalid},
		{name: "another scheme", base: "ftp://localhost", want: motacilla.ErrInvalid},
		{name: "unknown transport", o: settings{FollowOptions: client.FollowOptions{Transports: []string{"pigeon"}}}, want: motacilla.ErrInvalid,
			text: "known: sse, websocket, long-polling, interval-polling"},
		{name: "no token", secret: "s3cret", want: motacilla.ErrForbidden},
		{name: "a wrong token", secret: "s3cret", o: settings{own: own{client.Options{Token: "x"}}}, want: motacilla.ErrUnauthorized},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.want(tt.secret)
			if tt.base == "" {
				tt.base = s.url()
			}
			if tt.channel == "" {
				tt.channel = match
			}
			n, err := last(patient(t), tt.base, tt.channel, &tt.o)
			if n > 0 || !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%d updates, then %v; want %v, %q", n, err, tt.want, tt.text)
			}
		})
	}
}

// TestRefusedOnTheWay has a reader lose its permission, and its channel, while it is away.
func TestRefusedOnTheWay(t *testing.T) {
	each(t, func(t *testing.T, name string) {
		s := open(t)
		s.want("s3cret")
		o := s.quick(name)
		o.Token = "s3cret"
		var ended error
		for _, err := range following(patient(t), s.url(), match, o) {
			if err != nil {
				ended = err
				continue
			}
			s.want("another")
			s.cut()
		}
		if !errors.Is(ended, motacilla.ErrUnauthorized) {
			t.Errorf("the token is refused: %v", ended)
		}
	})
	each(t, func(t *testing.T, name string) {
		s := open(t)
		var ended error
		away := sync.OnceFunc(func() { // heartbeats may follow that were on their way
			s.stop()
			if _, err := s.store.DeleteChannel(t.Context(), match); err != nil {
				t.Error(err)
			}
			s.start(t)
		})
		for _, err := range following(patient(t), s.url(), match, s.quick(name)) {
			if err != nil {
				ended = err
				continue
			}
			away()
		}
		if !errors.Is(ended, motacilla.ErrNotFound) {
			t.Errorf("the channel is gone: %v", ended)
		}
	})
}

func TestBelowAPath(t *testing.T) {
	each(t, func(t *testing.T, name string) {
		s := open(t)
		s.prefix = "/live-blog"
		for _, slash := range []string{"", "/"} {
			for u, err := range following(patient(t), s.url()+slash, match, s.quick(name)) {
				if err != nil || !u.Reset {
					t.Errorf("first: %v, %v", u, err)
				}
				break
			}
		}
	})
}

// TestNoLimits: a caller may give the largest numbers for no limit.
func TestNoLimits(t *testing.T) {
	each(t, func(t *testing.T, name string) {
		s := open(t)
		want := s.post(t, "Kick-off").Revision
		o := s.quick(name)
		o.FirstUpdate, o.Heartbeat, o.MaxUpdate = math.MaxInt64, math.MaxInt64, math.MaxInt
		o.FollowOptions.Retry = func(err error, _ time.Duration) error { return err }
		for u, err := range following(patient(t), s.url(), match, o) {
			if err != nil || u.Revision != want {
				t.Errorf("got %d, %v, want %d", u.Revision, err, want)
			}
			break
		}
	})
}

// TestClaimedLength: memory is taken for what a server has sent, and not for what it says that it will send.
func TestClaimedLength(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/transports") {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"transports":[{"name":"interval-polling","url":"/poll"}]}`))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "4611686018427387904")
		_, _ = w.Write([]byte(`{`))
	}))
	defer server.Close()
	c, err := client.New(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := &client.FollowOptions{MaxUpdate: math.MaxInt, Retry: func(err error, _ time.Duration) error { return err }}
	for u, err := range c.Follow(patient(t), match, o) {
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v, %v, want an answer that breaks off", u, err)
		}
	}
}

// TestForeignCursor has a reader come with a revision of another store. It must get a reset.
func TestForeignCursor(t *testing.T) {
	each(t, func(t *testing.T, name string) {
		s := open(t)
		s.post(t, "Kick-off")
		o := s.quick(name)
		o.Since = s.head(t) + 1e12
		for u, err := range following(patient(t), s.url(), match, o) {
			if err != nil || !u.Reset || u.From != o.Since || u.Revision != s.head(t) {
				t.Errorf("first: from %d to %d, reset %v, %v", u.From, u.Revision, u.Reset, err)
			}
			break
		}
		o.Since = s.head(t)
		for u, err := range following(patient(t), s.url(), match, o) {
			if err != nil || !u.Heartbeat() {
				t.Errorf("up to date, first: %v, %v", u, err)
			}
			break
		}
	})
}

// TestEnds has the caller stop in every way. goleak looks for goroutines that are left.
func TestEnds(t *testing.T) {
	each(t, func(t *testing.T, name string) {
		s := open(t)
		ctx, cancel := context.WithCancel(patient(t))
		defer cancel()
		var ended error
		for _, err := range following(ctx, s.url(), match, s.quick(name)) {
			ended = err
			cancel()
		}
		if !errors.Is(ended, context.Canceled) {
			t.Errorf("the context ended: %v", ended)
		}
		s.stop()
		o := s.quick(name)
		enough := errors.New("enough")
		calls := 0
		o.Retry = func(err error, wait time.Duration) error {
			if calls++; calls < 3 {
				return nil
			}
			if err == nil || wait <= 0 || wait > o.MaxWait {
				t.Errorf("Retry(%v, %v)", err, wait)
			}
			return enough
		}
		if n, err := last(patient(t), s.url(), match, o); n > 0 || !errors.Is(err, enough) {
			t.Errorf("%d updates, then %v; want what Retry returned", n, err)
		}
	})
}
