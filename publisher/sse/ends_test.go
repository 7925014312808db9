package sse

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
)

func TestLifetime(t *testing.T) {
	const lifetime = 100 * time.Millisecond
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c, lifetime: lifetime})
		s.post("one")
		began := time.Now() // before the stream begins
		st := s.begin("")
		s.ends(st)
		if took := time.Since(began); took < lifetime-time.Millisecond { // the epoll engine counts milliseconds
			t.Errorf("the stream lasted less than %v, want at least %v", took, lifetime)
		}
		if n := len(st.Retry); n != 2 || st.Retry[1] < 100 || st.Retry[1] >= 2000 {
			t.Errorf("got retry %v, want a last one of 0.1 to 2 s", st.Retry)
		}
		s.Eventually("the reader is gone", func() bool { return s.stats().Readers.Load() == 0 })
	})
}

// A reader whose permission has ended is not told to come back.
func TestPermissionExpires(t *testing.T) {
	const lasts = 100 * time.Millisecond
	each(t, func(t *testing.T, c connection) {
		grant := func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) {
			return route.Grant{Expires: time.Now().Add(lasts)}, nil
		}
		s := open(t, settings{connection: c, authorize: grant})
		began := time.Now() // before the permission begins
		st := s.begin("")
		s.ends(st)
		if took := time.Since(began); took < lasts-time.Millisecond { // the epoll engine counts milliseconds
			t.Errorf("the stream lasted less than %v, want at least %v", took, lasts)
		}
		if len(st.Retry) != 1 {
			t.Errorf("got retry %v, want only the first one", st.Retry)
		}
	})
}

// A reader whose permission was revoked ends as one whose permission has ended. Others go on.
func TestPermissionRevoked(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		guest, revoke := route.NewHolder("session/guest", "person/guest", "")
		member, _ := route.NewHolder("session/member", "person/member", "")
		s := open(t, settings{connection: c, authorize: func(r *http.Request, _ motacilla.ChannelID, _ route.Action) (route.Grant, error) {
			if r.Header.Get("Authorization") != "" {
				return route.Grant{Holder: member}, nil
			}
			return route.Grant{Holder: guest}, nil
		}})
		s.access(motacilla.Private)
		p := s.post("one")
		leaves, stays := s.begin(""), s.begin("", "Authorization", "Bearer "+secret)
		for _, st := range []*stream{leaves, stays} {
			for s.update(st).Revision < p.Revision {
			}
		}
		revoke()
		if late := s.ends(leaves); len(late) != 0 {
			t.Errorf("got %+v after the permission was revoked", late)
		}
		if len(leaves.Retry) != 1 {
			t.Errorf("got retry %v, want only the first one", leaves.Retry)
		}
		p = s.post("two")
		if u := s.change(stays); u.Revision != p.Revision {
			t.Errorf("the other reader is at %v, want %v", u.Revision, p.Revision)
		}
		s.Eventually("one reader is left, and waits for its revocation", func() bool {
			return s.stats().Readers.Load() == 1 && !guest.Watched() && member.Watched()
		})
	})
}

// When a channel becomes private, readers without the token get nothing that is written since. Readers with the token stay.
func TestBecomesPrivate(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		for _, apart := range []bool{false, true} { // the post may come with the change, or after it
			s := open(t, settings{connection: c})
			s.post("public")
			guest, member := s.begin(""), s.begin("", "Authorization", "Bearer "+secret)
			s.update(guest)
			at := s.update(member).Revision
			s.access(motacilla.Private)
			if apart {
				s.Eventually("the feed knows that the channel is private", func() bool {
					c, err := s.Feed.Channel(t.Context(), match)
					return err == nil && c.Access == motacilla.Private
				})
			}
			p := s.post("of members alone")
			for _, u := range s.ends(guest) {
				if strings.Contains(texts(u), "members") {
					t.Errorf("the guest got %+v", u)
				}
			}
			for at < p.Revision {
				at = s.change(member).Revision
			}
			if resp := s.Do(http.MethodGet, path(match, fmt.Sprintf("?since=%d", at))); resp.StatusCode != 403 {
				t.Errorf("the guest got %s later, want 403", resp.Status)
			}
			s.Close()
		}
	})
}

func TestDeleted(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c})
		st := s.begin("")
		s.update(st)
		revision, err := s.Store.DeleteChannel(t.Context(), match)
		if err != nil {
			t.Fatal(err)
		}
		updates := s.ends(st)
		if len(updates) != 1 || !updates[0].Gone || updates[0].Revision != revision {
			t.Errorf("got %+v at the end, want gone at %d", updates, revision)
		}
		if len(st.Retry) != 1 {
			t.Errorf("got retry %v, want only the first one", st.Retry)
		}
		if resp := s.Do(http.MethodGet, path(match, "")); resp.StatusCode != http.StatusNotFound {
			t.Errorf("got %s later, want 404", resp.Status)
		}
	})
}

// Shutdown tells every reader when to come back, each another time.
func TestShutdown(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		const readers = 40
		s := open(t, settings{connection: c})
		var streams []*stream
		for range readers {
			st := s.begin("")
			s.update(st)
			streams = append(streams, st)
		}
		var mu sync.Mutex
		retries := map[int]bool{}
		var all sync.WaitGroup
		for _, st := range streams {
			all.Go(func() {
				for {
					if _, err := st.next(); err != nil {
						if !errors.Is(err, io.EOF) {
							t.Errorf("the stream broke: %v", err)
						}
						break
					}
				}
				if len(st.Retry) != 2 || st.Retry[1] < 1000 || st.Retry[1] >= 5000 {
					t.Errorf("got retry %v, want a last one of 1 to 5 s", st.Retry)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				retries[st.Retry[1]] = true
			})
		}
		s.Shutdown()
		all.Wait()
		if len(retries) < readers/2 {
			t.Errorf("%d readers got %d different times, want %d at least", readers, len(retries), readers/2)
		}
		if resp := s.Do(http.MethodGet, path(match, "")); resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("got %s after Shutdown, want 503", resp.Status)
		}
	})
}

// A reader that takes nothing is closed after Stall, and counted. Another reader notices nothing: it gets a heartbeat, although
// its last write is longer ago than Stall. Over HTTP/2 both are streams of one connection.
func TestStalled(t *testing.T) {
	feed := publisher.FeedOptions{
		Stall:     8 * time.Second, // longer than a reader that reads ever takes for one post, on a busy machine too
		Heartbeat: 10 * time.Second,
	}
	var all sync.WaitGroup
	for _, c := range connections { // all of them wait at the same time
		s := open(t, settings{connection: c, feed: feed})
		s.takesNothing()
		st := s.begin("")
		s.update(st)
		for range 20 {
			p := s.post(big)
			for s.change(st).Revision < p.Revision {
			}
		}
		all.Go(func() { // reads all the time: over a Unix socket, what it has not read counts as not taken
			for beats := 0; beats < 12 && (s.stats().SlowClosed.Load() == 0 || s.stats().Readers.Load() > 1); beats++ {
				m, err := st.next()
				var u motacilla.Update
				if err == nil {
					err = u.UnmarshalJSON([]byte(m.Data))
				}
				if err != nil || !u.Heartbeat() {
					t.Errorf("%s: got %+v, %v, want a heartbeat", c.name, u, err)
					return
				}
			}
			if closed, left := s.stats().SlowClosed.Load(), s.stats().Readers.Load(); closed != 1 || left != 1 {
				t.Errorf("%s: %d readers were closed because they take nothing, and %d are left, want 1 and 1", c.name, closed, left)
			}
		})
	}
	all.Wait()
}

// small bounds what the kernel keeps for a reader that does not read, in bytes, on either side.
const small = 16 << 10

// big is a long text that can hardly be compressed. Twenty of it have 1.2 MB, which no socket holds that is not read from.
var big = dense(60_000)

func dense(n int) string {
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, n)
	for i := range text {
		text[i] = byte('0' + random.IntN(74)) // of which HTML escapes a few
		if strings.IndexByte("<>&", text[i]) >= 0 {
			text[i] = ' '
		}
	}
	return strings.ReplaceAll(string(text), "  ", "..")
}

// takesNothing connects a reader that reads no more than the beginning of the answer.
func (s *site) takesNothing() {
	s.Helper()
	if s.served.HTTP2 {
		s.begin("")
		return
	}
	own := s.served
	own.Buffer = small
	conn := s.Serve(&own).Dial()
	if socket, ok := conn.(interface{ SetReadBuffer(int) error }); ok {
		_ = socket.SetReadBuffer(small)
	}
	_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path(match, ""))
	if _, err := bufio.NewReaderSize(conn, 16).ReadByte(); err != nil {
		s.Fatal(err)
	}
}

// A slow reader gets the newest state of a post, and not every edit.
func TestSlowReader(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c, buffer: small, feed: publisher.FeedOptions{Stall: time.Hour}})
		st := s.begin("")
		s.update(st)
		p := s.post("0")
		const edits = 100 // 6 MB
		for i := range edits {
			s.Edit(match, p.ID, func(p *motacilla.Post) { p.Content = []motacilla.Block{motacilla.PlainText(fmt.Sprint(i, big))} })
		}
		n, head := 0, s.head()
		for {
			u := s.change(st)
			n++
			if u.Revision == head {
				if got := texts(u); got != fmt.Sprint(edits-1, big) {
					t.Errorf("got the last state %.20q, want that of edit %d", got, edits-1)
				}
				break
			}
		}
		if n > edits*9/10 {
			t.Errorf("got %d updates for %d edits, want fewer", n, edits)
		}
	})
}
