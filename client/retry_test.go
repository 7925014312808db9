package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
	"github.com/motacilla-live/motacilla/storage/memory"
	"pgregory.net/rapid"
)

// turn is what happens to one attempt.
type turn struct {
	carriedOut bool   // the server gets the request
	fault      string // of the network; empty if the answer comes
	status     int    // answered instead of the server, unless 0
	own        bool   // with a problem document
	after      int    // Retry-After in seconds
}

// network is a RoundTripper that does to each attempt what its plan says, and serves all later ones.
type network struct {
	server http.Handler
	plan   []turn

	at   []time.Time // of each attempt
	keys map[string]bool
}

func (n *network) RoundTrip(req *http.Request) (*http.Response, error) {
	now := turn{carriedOut: true}
	if len(n.at) < len(n.plan) {
		now = n.plan[len(n.at)]
	}
	n.at = append(n.at, time.Now())
	if key := req.Header.Get("Idempotency-Key"); key != "" {
		n.keys[key] = true
	}
	rec := httptest.NewRecorder()
	if now.carriedOut {
		body := []byte{}
		if req.Body != nil {
			var err error
			if body, err = io.ReadAll(req.Body); err != nil {
				return nil, err
			}
		}
		served := httptest.NewRequestWithContext(req.Context(), req.Method, req.URL.String(), bytes.NewReader(body))
		served.Header = req.Header.Clone()
		n.server.ServeHTTP(rec, served)
	}
	switch {
	case now.fault == "dial":
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	case now.fault == "cut":
		resp := rec.Result()
		resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, 10), broken{}))
		return resp, nil
	case now.fault != "":
		return nil, io.ErrUnexpectedEOF
	case now.status != 0:
		rec = httptest.NewRecorder()
		header := []string{}
		if now.after > 0 {
			header = []string{"Retry-After", strconv.Itoa(now.after)}
		}
		answer := say(now.status, html, "back soon", header...)
		if now.own {
			answer = problem(now.status, header...)
		}
		answer(rec, req)
	}
	return rec.Result(), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// failures draws attempts that fail and may be repeated.
var failures = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) turn {
	n := turn{carriedOut: rapid.Bool().Draw(t, "carried out")}
	switch kind := rapid.SampledFrom([]string{"dial", "reset", "cut", "status", "status"}).Draw(t, "fault"); kind {
	case "status":
		n.status = rapid.SampledFrom([]int{408, 425, 429, 502, 503, 504}).Draw(t, "status")
		n.own = rapid.Bool().Draw(t, "own")
		n.after = rapid.SampledFrom([]int{0, 0, 1, 40}).Draw(t, "after")
		n.carriedOut = n.carriedOut && n.status != 429 && n.status != 425
	case "dial":
		n.fault, n.carriedOut = kind, false
	case "cut":
		n.fault, n.carriedOut = kind, true
	default:
		n.fault = kind
	}
	return n
}), 0, 8)

// calls are the calls of TestRetries. Each returns its error, and whether the store is as it should be after it.
var calls = map[string]func(context.Context, *client.Client, *memory.Store, client.Post) (error, bool){
	"get": func(ctx context.Context, c *client.Client, _ *memory.Store, p client.Post) (error, bool) {
		got, err := c.Post(ctx, match, p.ID)
		return err, got.Revision == p.Revision
	},
	"create channel": func(ctx context.Context, c *client.Client, s *memory.Store, _ client.Post) (error, bool) {
		made, err := c.CreateChannel(ctx, client.NewChannel{ID: "new", Title: "T", Access: motacilla.Private})
		got, stored := s.Channel(ctx, "new")
		return err, stored == nil && got.Title == "T" && got.Access == motacilla.Private && got.Head == made.Revision
	},
	"end channel": func(ctx context.Context, c *client.Client, s *memory.Store, _ client.Post) (error, bool) {
		_, err := c.EndChannel(ctx, match)
		got, stored := s.Channel(ctx, match)
		return err, stored == nil && !got.Ended.IsZero()
	},
	"delete channel": func(ctx context.Context, c *client.Client, s *memory.Store, _ client.Post) (error, bool) {
		err := c.DeleteChannel(ctx, match)
		return err, errors.Is(second(s.Channel(ctx, match)), motacilla.ErrNotFound)
	},
	"create post": func(ctx context.Context, c *client.Client, s *memory.Store, _ client.Post) (error, bool) {
		made, err := c.CreatePost(ctx, match, client.NewPost{Text: "new"})
		got := stored(ctx, s)
		return err, len(got) == 2 && got[0].ID == made.ID && got[0].Content[0].Text.String() == "new"
	},
	"edit": func(ctx context.Context, c *client.Client, s *memory.Store, p client.Post) (error, bool) {
		edited, err := c.EditPost(ctx, match, p.ID, client.PostChange{Text: "new", Author: new("Mara")})
		got := stored(ctx, s)
		return err, len(got) == 1 && got[0].Author == "Mara" && got[0].Revision == edited.Revision
	},
	"edit if unchanged": func(ctx context.Context, c *client.Client, s *memory.Store, p client.Post) (error, bool) {
		change := client.PostChange{Text: "new\n<b>line</b><script>x</script>", Pinned: new(true), IfRevision: p.Revision}
		edited, err := c.EditPost(ctx, match, p.ID, change)
		got := stored(ctx, s)
		return err, len(got) == 1 && got[0].Pinned && len(got[0].Content) == 2 && got[0].Revision == edited.Revision
	},
	"delete": func(ctx context.Context, c *client.Client, s *memory.Store, p client.Post) (error, bool) {
		err := c.DeletePost(ctx, match, p.ID, 0)
		return err, len(stored(ctx, s)) == 0
	},
	"delete if unchanged": func(ctx context.Context, c *client.Client, s *memory.Store, p client.Post) (error, bool) {
		err := c.DeletePost(ctx, match, p.ID, p.Revision)
		return err, len(stored(ctx, s)) == 0
	},
}

// stored returns the channel's posts, newest first.
func stored(ctx context.Context, s *memory.Store) []motacilla.Post {
	page, err := s.Posts(ctx, match, motacilla.Query{Limit: 10})
	if err != nil {
		return nil
	}
	return page.Posts
}

// TestRetries does each call through failures of every kind. It must be carried out once, be reported as done, and pause
// as documented.
func TestRetries(t *testing.T) {
	names := slices.Sorted(maps.Keys(calls))
	rapid.Check(t, func(rt *rapid.T) {
		name, plan := rapid.SampledFrom(names).Draw(rt, "call"), failures.Draw(rt, "plan")
		var wrong error
		synctest.Test(t, func(t *testing.T) { wrong = retried(t, name, plan) })
		if wrong != nil {
			rt.Fatal(wrong)
		}
	})
}

// retried does the call through the failures of the plan, and says what is wrong.
func retried(t *testing.T, name string, plan []turn) error {
	const attempts = 6
	first, longest := 500*time.Millisecond, 15*time.Second
	a := newAPI(t)
	n := &network{server: a, keys: map[string]bool{}}
	c := newClient(t, "http://live.example", &client.Options{Token: secret, HTTP: &http.Client{Transport: n}})
	if _, err := c.CreateChannel(t.Context(), client.NewChannel{ID: match, Title: "T"}); err != nil {
		return err
	}
	post, err := c.CreatePost(t.Context(), match, client.NewPost{Text: "old"})
	if err != nil {
		return err
	}

	n.plan, n.at, n.keys = plan, nil, map[string]bool{}
	err, done := calls[name](t.Context(), c, a.store, post)
	if len(plan) < attempts {
		want := len(plan) + 1
		// Whoever creates a channel may have to look at it at the end.
		if looked := name == "create channel" && len(n.at) == want+1; err != nil || !done || len(n.at) != want && !looked {
			return fmt.Errorf("%w, done %v, after %d attempts; want %d", err, done, len(n.at), want)
		}
	} else if answer := (*client.Error)(nil); len(n.at) != attempts || !errors.Is(err, motacilla.ErrUnavailable) && !errors.As(err, &answer) {
		return fmt.Errorf("%w after %d attempts; want %d", err, len(n.at), attempts)
	}
	if name == "create post" && len(n.keys) != 1 {
		return fmt.Errorf("%d idempotency keys", len(n.keys))
	}
	for i := range min(len(plan), attempts-1) {
		wait, most := n.at[i+1].Sub(n.at[i]), min(first<<i, longest)
		after := time.Duration(plan[i].after) * time.Second
		if wait < most/2 || wait < after || wait > max(most, after+after/4) {
			return fmt.Errorf("pause %d is %v; want up to %v, and at least %v", i, wait, most, after)
		}
	}
	return nil
}

// TestNotRepeated has answers that another attempt would not change.
func TestNotRepeated(t *testing.T) {
	for _, tt := range []struct {
		name string
		turn turn
		want error
	}{
		{"invalid", turn{status: 400, own: true}, motacilla.ErrInvalid},
		{"without a token", turn{status: 401, own: true}, motacilla.ErrUnauthorized},
		{"forbidden", turn{status: 403, own: true}, motacilla.ErrForbidden},
		{"not found", turn{status: 404, own: true}, motacilla.ErrNotFound},
		{"a server's mistake", turn{status: 500, own: true}, nil},
		{"the page of a proxy", turn{status: 404}, nil},
		{"a wait that is too long", turn{status: 503, own: true, after: 61}, motacilla.ErrUnavailable},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := &network{plan: []turn{tt.turn, tt.turn}, keys: map[string]bool{}}
			c := newClient(t, "http://live.example", &client.Options{HTTP: &http.Client{Transport: n}})
			_, err := c.CreatePost(t.Context(), match, client.NewPost{Text: "x"})
			var answer *client.Error
			if len(n.at) != 1 || !errors.As(err, &answer) || answer.Status != tt.turn.status || tt.want != nil && !errors.Is(err, tt.want) ||
				answer.RetryAfter != time.Duration(tt.turn.after)*time.Second || (answer.Title != "") != tt.turn.own {
				t.Errorf("%s: %v after %d attempts", tt.name, err, len(n.at))
			}
			for _, known := range []error{motacilla.ErrNotFound, motacilla.ErrUnavailable, motacilla.ErrInvalid} {
				if tt.want == nil && errors.Is(err, known) {
					t.Errorf("%s: %v is taken for %v", tt.name, err, known)
				}
			}
		})
	}
}

// TestCallEnds has calls end before their last attempt: with their context, by the hook, and because one is too slow.
func TestCallEnds(t *testing.T) {
	down := turn{fault: "dial"}
	synctest.Test(t, func(t *testing.T) {
		n := &network{plan: []turn{down, down, down, down, down, down}, keys: map[string]bool{}}
		enough := errors.New("enough")
		var seen []error
		o := &client.Options{HTTP: &http.Client{Transport: n}, Retry: func(err error, wait time.Duration) error {
			if seen = append(seen, err); len(seen) == 3 {
				return enough
			}
			return nil
		}}
		c := newClient(t, "http://live.example", o)
		if _, err := c.Channel(t.Context(), match); !errors.Is(err, enough) || len(n.at) != 3 ||
			!errors.Is(seen[0], syscall.ECONNREFUSED) || !errors.Is(seen[0], motacilla.ErrUnavailable) {
			t.Errorf("%v after %d attempts and %v", err, len(n.at), seen)
		}

		n.at, o.Retry = nil, nil
		c = newClient(t, "http://live.example", o)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Channel(ctx, match); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%v, want that of the context, and why there was no answer", err)
		}

		n.at, n.plan, o.Attempts = nil, nil, 2
		n.server = http.HandlerFunc(never)
		o.HTTP = &http.Client{Transport: slow{}, Timeout: time.Millisecond}
		c = newClient(t, "http://live.example", o)
		began := time.Now()
		_, err := c.Channel(t.Context(), match)
		if took := time.Since(began); !errors.Is(err, motacilla.ErrUnavailable) || took < time.Minute || took > 61*time.Second {
			t.Errorf("%v after %v, want two attempts of 30 s", err, took)
		}
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, stop)
		if _, err := c.Channel(ctx, match); !errors.Is(err, context.Canceled) || errors.Is(err, motacilla.ErrUnavailable) {
			t.Errorf("%v, want that of the context", err)
		}
	})
}

// slow never answers.
type slow struct{}

func (slow) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}
