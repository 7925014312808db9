package websocket

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/route"
)

// Shutdown tells every reader to come back, and tells it nothing else.
func TestShutdown(t *testing.T) {
	const readers = 200
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines, feed: publisher.FeedOptions{Heartbeat: time.Hour}})
		var all sync.WaitGroup
		for range readers {
			c, _ := s.begin("")
			all.Go(func() {
				code, reason, updates, _, err := c.end()
				_ = c.Close()
				if len(updates) > 0 {
					t.Errorf("got %+v before the close frame, though nothing has happened", updates[0])
				}
				if err != nil || code != gorilla.CloseGoingAway || reason != "come back" {
					t.Errorf("got close code %d %q (%v), want 1001", code, reason, err)
				}
			})
		}
		s.Shutdown()
		all.Wait()
		if n := s.stats().Readers.Load(); n != 0 {
			t.Errorf("got %d readers, want none", n)
		}
	})
}

// Shutdown does not wait for readers that do not answer the close frame, although its context never ends.
func TestShutdownWithDeafReaders(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines, linger: 100 * time.Millisecond})
		s.begin("")
		s.shutsDown()
	})
}

// Shutdown does not wait for readers of unknown channels, however long they may take to answer, and closes their connections.
func TestShutdownWithRefusedReaders(t *testing.T) {
	s := open(t, settings{linger: time.Hour})
	c, _ := s.request(http.MethodGet, path("nobody", ""), upgrading...)
	if opcode, _, err := c.next(); opcode != gorilla.CloseMessage {
		t.Fatalf("opcode %d, %v", opcode, err)
	}
	s.shutsDown()
	if _, err := c.in.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v on a refused connection, want its end", err)
	}
}

// shutsDown fails the test if Shutdown needs the end of its context to return.
func (s *site) shutsDown() {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background()) // without a deadline, so that nobody is cut off
	defer cancel()
	defer time.AfterFunc(publishertest.Patience, cancel).Stop()
	if err := s.publisher.Shutdown(ctx); err != nil || ctx.Err() != nil {
		s.Errorf("Shutdown: %v, after %v", err, ctx.Err())
	}
}

func TestPermissionExpires(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines, authorize: func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) {
			return route.Grant{Expires: time.Now().Add(200 * time.Millisecond)}, nil
		}})
		c, _ := s.begin("")
		s.ends(c, gorilla.ClosePolicyViolation)
	})
}

func TestPermissionRevoked(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		holder, revoke := route.NewHolder("session/1", "person/anna", "Anna")
		s := open(t, settings{goroutines: goroutines, authorize: func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) {
			return route.Grant{Holder: holder}, nil
		}})
		single, _ := s.begin("")
		several := s.several(nil, string(match))
		s.hears(several, `{"subscribed":["match-42"]}`)
		s.of(several, match)
		revoke()
		s.ends(single, gorilla.ClosePolicyViolation)
		if got := s.complains(several, "refused"); got.Channel != match || got.Status != http.StatusForbidden {
			t.Errorf("got the refusal %+v, want that of the channel", got)
		}
		s.ask(several, `{"unsubscribe":["match-42"]}`) // it may still ask
		s.hears(several, `{"unsubscribed":["match-42"]}`)
		s.Eventually("nothing waits for the revocation", func() bool { return !holder.Watched() })
	})
}

func TestBecomesPrivate(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines})
		anyone, _ := s.begin("")
		c, resp := s.request(http.MethodGet, path(match, ""), append([]string{"Authorization: Bearer " + secret}, upgrading...)...)
		if resp.StatusCode != http.StatusSwitchingProtocols {
			t.Fatal(resp.Status)
		}
		s.update(c)
		s.change(func(c *motacilla.Channel) { c.Access = motacilla.Private })
		for _, u := range s.ends(anyone, gorilla.ClosePolicyViolation) {
			t.Errorf("a reader without the token got %+v", u)
		}
		p := s.post("among ourselves")
		for u := s.update(c); u.Revision < p.Revision; u = s.update(c) {
		}
	})
}

func TestChannelIsDeleted(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines})
		c, _ := s.begin("")
		if _, err := s.Store.DeleteChannel(t.Context(), match); err != nil {
			t.Fatal(err)
		}
		updates := s.ends(c, codeGone)
		if len(updates) != 1 || !updates[0].Gone {
			t.Errorf("got %+v before the end, want gone", updates)
		}
	})
}

// Readers come and go in different ways. Nothing is left of them.
func TestNothingIsLeft(t *testing.T) {
	const rounds = 50
	kinds := map[string]func(s *site){
		"closes": func(s *site) {
			c, _ := s.begin("")
			_, _ = c.Write(closeWith(1000, ""))
			s.ends(c, 1000)
			_ = c.Close()
		},
		"goes without a word": func(s *site) {
			c, _ := s.begin("")
			_ = c.Close()
		},
		"goes before the first update": func(s *site) { _ = s.upgrade("").Close() },
		"resets": func(s *site) {
			c, _ := s.begin("")
			_ = c.SetLinger(0)
			_ = c.Close()
		},
		"resets at once": func(s *site) {
			c := s.connect()
			_, _ = c.Write([]byte("GET " + path(match, "") + " HTTP/1.1\r\nHost: a\r\n" + strings.Join(upgrading, "\r\n") + "\r\n\r\n"))
			_ = c.SetLinger(0)
			_ = c.Close()
		},
		"closes half": func(s *site) {
			c, _ := s.begin("")
			_ = c.CloseWrite()
			for err := error(nil); err == nil; _, _, err = c.next() {
			}
			_ = c.Close()
		},
		"breaks the rules": func(s *site) {
			c, _ := s.begin("")
			_, _ = c.Write(make([]byte, 100))
			s.ends(c, gorilla.CloseProtocolError)
			_ = c.Close()
		},
		"goes in a frame": func(s *site) {
			c, _ := s.begin("")
			_, _ = c.Write(masked(textFrame, "hello")[:7])
			_ = c.Close()
		},
		"talks before the answer": func(s *site) {
			c := s.connect()
			_, _ = c.Write([]byte("GET " + path(match, "") + " HTTP/1.1\r\nHost: a\r\n" + strings.Join(upgrading, "\r\n") +
				"\r\n\r\n" + string(masked(textFrame, "hello"))))
			for err := error(nil); err == nil; _, err = c.in.ReadByte() {
				if c.in.Buffered() == 0 {
					_ = c.CloseWrite()
				}
			}
			_ = c.Close()
		},
		"is refused": func(s *site) {
			for _, target := range []string{path("members", ""), path(match, "?since=x")} {
				c, _ := s.request(http.MethodGet, target, upgrading...)
				_ = c.Close()
			}
		},
		"asks for what is not there": func(s *site) {
			c, _ := s.request(http.MethodGet, path("nobody", ""), upgrading...)
			_ = c.Close()
		},
	}
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines})
		for _, come := range kinds {
			come(s)
		}
		quiet := func() bool { return s.stats().Readers.Load() == 0 }
		s.Eventually("all have left", quiet)
		before := descriptors(t)
		for range rounds {
			for _, come := range kinds {
				come(s)
			}
		}
		s.Eventually("all have left", quiet)
		s.Eventually("the descriptors are closed", func() bool { return descriptors(t) <= before })
	})
}

// descriptors returns how many files are open.
func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system cannot list open files")
	}
	return len(list)
}
