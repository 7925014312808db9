package client_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

// errTorn is the error of a connection that a test has broken.
var errTorn = errors.New("torn by the test")

// torn is a connection that breaks after some bytes.
type torn struct {
	net.Conn
	left int
}

func (c *torn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		_ = c.Close()
		return 0, errTorn
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// tearing returns a client of the site whose connections break after at most so many bytes.
func (s *site) tearing(most int) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := s.dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &torn{conn, 200 + rand.N(most)}, nil
		},
	}}
}

// reader follows a site and keeps what it holds.
type reader struct {
	name  string
	moved chan struct{} // has something when the view has moved

	mu   sync.Mutex
	view motacilla.View
	err  error
}

// follow reads until ctx ends or an update does not fit.
func (r *reader) follow(ctx context.Context, s *site, o *settings) {
	for u, err := range following(ctx, s.url(), match, o) {
		r.mu.Lock()
		switch {
		case err != nil:
			r.err = err
		case r.view.Apply(&u, true):
			r.err = fmt.Errorf("an update from %d to %d can't be applied at %d", u.From, u.Revision, r.view.Revision)
		}
		failed := r.err != nil
		r.mu.Unlock()
		select {
		case r.moved <- struct{}{}:
		default:
		}
		if failed {
			return
		}
	}
}

// at waits until the reader is at head. It then compares the reader with the store.
func (r *reader) at(t *testing.T, s *site, head motacilla.Revision) {
	t.Helper()
	late := time.After(patience)
	for {
		r.mu.Lock()
		rev, err := r.view.Revision, r.err
		if rev == head && err == nil {
			got, want := held(&r.view), s.visible(t, r.view.Floor())
			r.mu.Unlock()
			if got != want {
				t.Fatalf("%s at %d holds\n%sthe store\n%s", r.name, head, got, want)
			}
			return
		}
		r.mu.Unlock()
		if err != nil {
			t.Fatalf("%s: %v", r.name, err)
		}
		select {
		case <-r.moved:
		case <-late:
			t.Fatalf("%s is at %d, the store at %d", r.name, rev, head)
		}
	}
}

// TestConvergence makes random changes while connections break at any byte and the server restarts. Readers over each
// transport must hold what the store holds.
func TestConvergence(t *testing.T) {
	operations := 600
	if testing.Short() {
		operations = 200
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	var readers []*reader
	for _, name := range append(ours(), "all of them") {
		o := s.quick(name)
		if o.HTTP = s.tearing(50_000); name == "all of them" {
			o.Transports = nil
		}
		r := &reader{name: name, moved: make(chan struct{}, 1)}
		readers = append(readers, r)
		work.Go(func() {
			r.follow(ctx, s, o)
			o.HTTP.CloseIdleConnections()
		})
	}
	var posts []motacilla.PostID
	for i := range operations {
		posts = s.change(t, rng, posts, i)
		switch n := rng.IntN(100); {
		case n < 1:
			s.cut()
		case n < 30:
			time.Sleep(time.Duration(rng.IntN(2000)) * time.Microsecond) // else all changes are one update
		}
		if i == operations/2 {
			s.stop()
			posts = s.change(t, rng, posts, -i)
			s.start(t)
		}
		if i%100 == 99 {
			for _, r := range readers {
				r.at(t, s, s.head(t))
			}
		}
	}
}

// change makes one random change.
func (s *site) change(t *testing.T, rng *rand.Rand, posts []motacilla.PostID, i int) []motacilla.PostID {
	t.Helper()
	n := rng.IntN(100)
	if len(posts) == 0 {
		n = 0
	}
	text := []motacilla.Block{motacilla.PlainText(fmt.Sprintf("change %d %s", i, strings.Repeat("x", rng.IntN(300))))}
	edit := func(change func(p *motacilla.Post)) error {
		_, err := storage.Edit(t.Context(), s.store, match, posts[rng.IntN(len(posts))], func(p *motacilla.Post) error {
			change(p)
			return nil
		})
		return err
	}
	var err error
	switch {
	case n < 35:
		p := motacilla.Post{Show: rng.IntN(10) > 0, Pinned: rng.IntN(20) == 0, Content: text}
		if p, err = s.store.PutPost(t.Context(), match, p, 0); err == nil {
			posts = append(posts, p.ID)
		}
	case n < 60:
		err = edit(func(p *motacilla.Post) { p.Content = text })
	case n < 72:
		err = edit(func(p *motacilla.Post) { p.Show = !p.Show })
	case n < 78:
		err = edit(func(p *motacilla.Post) { p.Pinned = !p.Pinned })
	case n < 82:
		err = edit(func(p *motacilla.Post) {
			p.Created = p.Created.Add(time.Duration(rng.IntN(2e6)-1e6) * time.Microsecond)
		})
	default:
		at := rng.IntN(len(posts))
		_, err = s.store.DeletePost(t.Context(), match, posts[at], 0)
		posts[at] = posts[len(posts)-1]
		posts = posts[:len(posts)-1]
	}
	if err != nil {
		t.Fatalf("change: %v", err)
	}
	return posts
}
