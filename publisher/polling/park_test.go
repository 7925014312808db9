package polling_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/polling"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/route"
)

// line is one connection to long polling, which is kept alive.
type line struct {
	*testing.T
	net.Conn
	in *bufio.Reader
}

func (s *site) dial(t *testing.T) *line {
	conn := s.server.Dial()
	return &line{t, conn, bufio.NewReader(conn)}
}

func request(since any, header string) string {
	return fmt.Sprintf("GET %s?since=%v HTTP/1.1\r\nHost: live.example\r\n%s\r\n", longPath, since, header)
}

func (l *line) say(text string) {
	l.Helper()
	if _, err := l.Write([]byte(text)); err != nil {
		l.Fatal(err)
	}
}

func (l *line) answer() (status int, u motacilla.Update) {
	l.Helper()
	resp, err := http.ReadResponse(l.in, nil)
	if err != nil {
		l.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		l.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK {
		if err := u.UnmarshalJSON(body); err != nil {
			l.Errorf("%s: %v", body, err)
		}
		if resp.Header.Get("Content-Type") != "application/json" || resp.Header.Get("Cache-Control") != "no-store" {
			l.Errorf("the answer has the headers %v", resp.Header)
		}
	}
	return resp.StatusCode, u
}

// isParked waits until one request is parked or held.
func (s *site) isParked() {
	s.Helper()
	s.Eventually("the request is held", func() bool { return s.Stats("long-polling").Readers.Load() > 0 })
}

// news writes a post and waits for the update with it, from the revision since.
func (s *site) news(t *testing.T, l *line, since motacilla.Revision) motacilla.Revision {
	t.Helper()
	s.isParked()
	p := s.post("Goal")
	status, u := l.answer()
	if status != http.StatusOK || u.From != since || u.Revision != p.Revision || len(u.Renders) != 1 {
		t.Fatalf("got %d, an update from %d to %d with %d posts; want %d to %d", status, u.From, u.Revision, len(u.Renders), since, p.Revision)
	}
	return u.Revision
}

// openCounted is open. It also returns how many requests passed through the handlers.
func openCounted(t *testing.T, l *polling.LongOptions) (*site, *atomic.Int64) {
	s := build(t, nil, nil, l)
	var handled atomic.Int64
	secure := strings.HasPrefix(t.Name(), "TestParkedOverTLS/")
	s.server = s.Serve(&publishertest.ServerOptions{TLS: secure, Handler: func(routes http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			handled.Add(1)
			if (r.TLS != nil) != secure || secure && (r.TLS.Version != tls.VersionTLS13 || r.TLS.ServerName != "example.com") {
				t.Errorf("request %d has the TLS state %+v", handled.Load(), r.TLS)
			}
			routes.ServeHTTP(w, r)
		})
	}})
	return s, &handled
}

func TestTheSameRequestAgain(t *testing.T) {
	s, handled := openCounted(t, nil)
	l := s.dial(t)
	const header = "Cookie: a=b\r\nAccept: application/json\r\n"
	at := s.head()
	for range 5 {
		l.say(request(at, header))
		at = s.news(t, l, at)
	}
	// If there is something new already, the answer comes at once. A cursor that was never issued gets a reset at once.
	s.post("Meanwhile")
	l.say(request(at, header))
	if status, u := l.answer(); status != http.StatusOK || u.From != at || len(u.Renders) != 1 {
		t.Errorf("got %d, an update from %d with %d posts", status, u.From, len(u.Renders))
	}
	l.say(request(at+1, header))
	if status, u := l.answer(); status != http.StatusOK || !u.Reset || u.From != at+1 {
		t.Errorf("got %d, %+v for an unknown cursor, want a reset", status, u)
	}
	if n := handled.Load(); n != 1 {
		t.Errorf("got %d requests through the handlers, want the first one", n)
	}
}

// TestAnotherRequest sends a parked connection another request than before. The handlers must answer it.
func TestAnotherRequest(t *testing.T) {
	s, handled := openCounted(t, nil)
	s.authorize = func(r *http.Request, _ motacilla.ChannelID, _ route.Action) (route.Grant, error) {
		if r.Header.Get("Cookie") == "user=stranger" || r.Header.Get("Authorization") != "" {
			return route.Grant{}, motacilla.ErrForbidden
		}
		return route.Grant{}, nil
	}
	head := s.head()
	for _, other := range []struct {
		text   string
		status int
	}{
		{request(head, "Cookie: user=stranger\r\n"), http.StatusForbidden},
		{request(head, "Cookie: user=reader\r\nAuthorization: Bearer x\r\n"), http.StatusForbidden},
		{request("x", "Cookie: user=reader\r\n"), http.StatusBadRequest},
		{request("", "Cookie: user=reader\r\n"), http.StatusBadRequest},
		{request("99999999999999999999", "Cookie: user=reader\r\n"), http.StatusBadRequest},
		{request(fmt.Sprint(head, "&since=1"), "Cookie: user=reader\r\n"), http.StatusBadRequest},
		{strings.Replace(request(0, "Cookie: user=reader\r\n"), "match-42", "other", 1), http.StatusNotFound},
		{strings.Replace(request(0, "Cookie: user=reader\r\n"), "GET", "PUT", 1), http.StatusMethodNotAllowed},
		{"GET / HTTP/1.1\r\nHost: live.example\r\n\r\n", http.StatusNotFound},
		{strings.Replace(request(0, "Cookie: user=reader\r\n"), "HTTP/1.1", "HTTP/1.0", 1), http.StatusOK},
		{request(0, "Cookie: user=reader\r\nConnection: close\r\n"), http.StatusOK},
		{"nonsense\r\n\r\n", http.StatusBadRequest},
	} {
		for _, pieces := range []bool{false, true} {
			handled.Store(0)
			l := s.dial(t)
			at := s.head()
			for range 2 { // the second one is parked without the handlers
				l.say(request(at, "Cookie: user=reader\r\n"))
				at = s.news(t, l, at)
			}
			if n := handled.Load(); n != 1 {
				t.Fatalf("%d requests passed through the handlers, want 1", n)
			}
			if !pieces {
				l.say(other.text)
			} else {
				for i := range len(other.text) {
					l.say(other.text[i : i+1])
				}
			}
			if status, _ := l.answer(); status != other.status {
				t.Errorf("%q: got %d, want %d", other.text, status, other.status)
			}
			if status := other.status; status != http.StatusOK && status != http.StatusBadRequest && handled.Load() != 2 {
				t.Errorf("%q did not pass through the handlers", other.text)
			}
		}
	}
}

// TestBackAndForth unparks and parks a connection again and again.
func TestBackAndForth(t *testing.T) {
	s, handled := openCounted(t, nil)
	l := s.dial(t)
	at := s.head()
	for i := range 10 {
		header := fmt.Sprintf("X-Reader: %d\r\n", i)
		l.say(request(at, header))
		s.Eventually("the request passes through the handlers", func() bool { return handled.Load() == int64(i+1) })
		at = s.news(t, l, at)
		l.say(request(at, header))
		at = s.news(t, l, at)
	}
	if n := handled.Load(); n != 10 {
		t.Errorf("got %d requests through the handlers, want 10", n)
	}
}

func TestHeldInPieces(t *testing.T) {
	s, handled := openCounted(t, nil)
	l := s.dial(t)
	at := s.head()
	l.say(request(at, "A: b\r\n"))
	at = s.news(t, l, at)
	again := request(at, "A: b\r\n")
	for i := range len(again) {
		l.say(again[i : i+1])
		time.Sleep(time.Millisecond)
	}
	s.news(t, l, at)
	if n := handled.Load(); n != 1 {
		t.Errorf("got %d requests through the handlers, want 1", n)
	}
}

func TestLongHead(t *testing.T) {
	s, _ := openCounted(t, nil)
	l := s.dial(t)
	at := s.head()
	l.say(request(at, "A: b\r\n"))
	at = s.news(t, l, at)
	l.say(request(at, "A: "+strings.Repeat("b", 40<<10)+"\r\n")) // longer than what the engine reads
	s.news(t, l, at)
}

// TestHoldEnds lets the time of parked requests pass.
func TestHoldEnds(t *testing.T) {
	s, handled := openCounted(t, &polling.LongOptions{Hold: 100 * time.Millisecond})
	l := s.dial(t)
	at := s.head()
	for range 3 {
		l.say(request(at, ""))
		if status, u := l.answer(); status != http.StatusOK || !u.Heartbeat() || u.Revision != at {
			t.Errorf("got %d, %+v; want a heartbeat", status, u)
		}
	}
	if n := handled.Load(); n != 1 {
		t.Errorf("got %d requests through the handlers, want 1", n)
	}
}

func TestImpatient(t *testing.T) {
	s, _ := openCounted(t, nil)
	l := s.dial(t)
	at := s.head()
	l.say(request(at, ""))
	at = s.news(t, l, at)
	l.say(request(at, "") + request(at, "")) // the second one before the first one is answered
	s.post("Goal")
	if status, u := l.answer(); status != http.StatusOK || u.From != at {
		t.Errorf("got %d, %+v", status, u)
	}
}

func TestHeldWhileItBecomesPrivate(t *testing.T) {
	s, _ := openCounted(t, nil)
	var private atomic.Bool
	s.authorize = func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) {
		if private.Load() {
			return route.Grant{}, motacilla.ErrForbidden
		}
		return route.Grant{WhilePublic: true}, nil
	}
	l := s.dial(t)
	at := s.head()
	l.say(request(at, ""))
	at = s.news(t, l, at)
	l.say(request(at, ""))
	s.isParked()
	private.Store(true)
	s.EditChannel(match, func(c *motacilla.Channel) { c.Access, c.Title = motacilla.Private, "A secret" })
	if status, u := l.answer(); status != http.StatusOK || !u.Heartbeat() || u.Revision != at {
		t.Errorf("got %d, %+v; want a heartbeat", status, u)
	}
	l.say(request(at, ""))
	if status, _ := l.answer(); status != http.StatusForbidden {
		t.Errorf("got %d for the next request", status)
	}
}

// A request that is held is answered when its reader's permission is revoked, and the next one is refused. That is so for a request
// that the handlers have seen, and for the next one on the same connection, which they have not. Other readers wait on.
func TestHeldWhileItsPermissionIsRevoked(t *testing.T) {
	for name, o := range map[string]*polling.LongOptions{"parked": nil, "in a goroutine": {Goroutines: true}} {
		t.Run(name, func(t *testing.T) {
			s, _ := openCounted(t, o)
			guest, revoke := route.NewHolder("session/guest", "person/guest", "")
			member, _ := route.NewHolder("session/member", "person/member", "")
			s.authorize = func(r *http.Request, _ motacilla.ChannelID, _ route.Action) (route.Grant, error) {
				holder := guest
				if r.Header.Get("Cookie") != "" {
					holder = member
				}
				if holder.Revoked() {
					return route.Grant{}, motacilla.ErrForbidden
				}
				return route.Grant{Holder: holder}, nil
			}
			first, again, stays := s.dial(t), s.dial(t), s.dial(t)
			at := s.head()
			again.say(request(at, ""))
			at = s.news(t, again, at)
			again.say(request(at, ""))
			first.say(request(at, ""))
			stays.say(request(at, "Cookie: a=b\r\n"))
			s.Eventually("all are held", func() bool { return s.Stats("long-polling").Readers.Load() == 3 })
			revoke()
			if status, u := first.answer(); status != http.StatusOK || !u.Heartbeat() || u.Revision != at {
				t.Errorf("got %d, %+v; want a heartbeat", status, u)
			}
			first.say(request(at, ""))
			status, u := again.answer()
			if status == http.StatusOK { // otherwise the request came late
				if !u.Heartbeat() || u.Revision != at {
					t.Errorf("got %+v, want a heartbeat", u)
				}
				again.say(request(at, ""))
				status, _ = again.answer()
			}
			if next, _ := first.answer(); next != http.StatusForbidden || status != http.StatusForbidden {
				t.Errorf("got %d and %d for the next requests", next, status)
			}
			p := s.post("Goal")
			if status, u := stays.answer(); status != http.StatusOK || u.Revision != p.Revision {
				t.Errorf("the other reader got %d, %+v", status, u)
			}
			s.Eventually("nothing waits for the revocation of a reader that has left", func() bool { return !guest.Watched() })
		})
	}
}

// A parked request is answered when the permission ends. That is so for the first request, which the handlers see, and for the
// next ones on the same connection, which they do not see.
func TestParkedRequestEndsWithItsPermission(t *testing.T) {
	s, handled := openCounted(t, &polling.LongOptions{Hold: time.Hour})
	s.authorize = func(*http.Request, motacilla.ChannelID, route.Action) (route.Grant, error) {
		return route.Grant{Expires: time.Now().Add(300 * time.Millisecond)}, nil
	}
	l := s.dial(t)
	at := s.head()
	idle := func() {
		t.Helper()
		l.say(request(at, ""))
		if status, u := l.answer(); status != http.StatusOK || !u.Heartbeat() || u.Revision != at {
			t.Fatalf("got %d, %+v; want a heartbeat", status, u)
		}
	}
	idle()
	for handled.Load() == 1 { // a new permission is asked for
		idle()
	}
	l.say(request(at, ""))
	p := s.post("Goal")
	for { // a slow machine's permission may end before there is a post
		status, u := l.answer()
		if status != http.StatusOK || u.From != at {
			t.Fatalf("got %d, %+v; want the post", status, u)
		}
		if at = u.Revision; at == p.Revision {
			break
		}
		l.say(request(at, ""))
	}
	idle()
}

func TestHeldWhileTheChannelIsDeleted(t *testing.T) {
	s, _ := openCounted(t, nil)
	l := s.dial(t)
	at := s.head()
	l.say(request(at, ""))
	at = s.news(t, l, at)
	l.say(request(at, ""))
	s.isParked()
	if _, err := s.Store.DeleteChannel(t.Context(), match); err != nil {
		t.Fatal(err)
	}
	if status, u := l.answer(); status != http.StatusOK || !u.Gone {
		t.Errorf("got %d, %+v; want the last update", status, u)
	}
	l.say(request(at, ""))
	if status, _ := l.answer(); status != http.StatusNotFound {
		t.Errorf("got %d for the next request", status)
	}
}

func TestWrappedSocket(t *testing.T) {
	s := build(t, nil, nil, nil)
	s.server = s.Serve(&publishertest.ServerOptions{Wrapped: true})
	at := s.head()
	first := s.dial(t)
	first.say(request(at, ""))
	if status, u := first.answer(); status != http.StatusOK || !u.Heartbeat() { // only now it is known that the connections are wrapped
		t.Errorf("got %d, %+v", status, u)
	}
	l := s.dial(t)
	for range 3 {
		l.say(request(at, ""))
		at = s.news(t, l, at)
	}
}

func TestRepeatsAreAskedFor(t *testing.T) {
	s := build(t, nil, nil, nil)
	var left atomic.Int64
	left.Store(2)
	var handled atomic.Int64
	s.server = s.Serve(&publishertest.ServerOptions{Handler: func(routes http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			handled.Add(1)
			routes.ServeHTTP(w, route.OnRepeat(r, func() bool { return left.Add(-1) >= 0 }))
		})
	}})
	l := s.dial(t)
	at := s.head()
	for range 4 { // one by the handlers, two that may be repeated, one that may not
		l.say(request(at, ""))
		at = s.news(t, l, at)
	}
	if n := handled.Load(); n != 2 {
		t.Errorf("got %d requests through the handlers, want 2", n)
	}
}

func TestShutdownAnswersWhatIsHeld(t *testing.T) {
	s, _ := openCounted(t, nil)
	l, idle := s.dial(t), s.dial(t)
	at := s.head()
	idle.say(request(at, ""))
	at = s.news(t, idle, at)
	l.say(request(at, ""))
	s.Eventually("the request is parked", func() bool { return s.Stats("long-polling").Readers.Load() == 2 })
	ctx, cancel := context.WithTimeout(t.Context(), publishertest.Patience)
	defer cancel()
	if err := s.holds.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if status, u := l.answer(); status != http.StatusOK || !u.Heartbeat() || u.Revision != at {
		t.Errorf("got %d, %+v; want a heartbeat", status, u)
	}
	for _, l := range []*line{l, idle} {
		if _, err := l.in.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("the connection is not closed: %v", err)
		}
	}
}

// TestParkedOverTLS runs tests of this file again. Their servers have TLS, and every request that reaches the handlers must say
// so, also on a connection that was unparked.
func TestParkedOverTLS(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"TheSameRequestAgain": TestTheSameRequestAgain, "AnotherRequest": TestAnotherRequest, "BackAndForth": TestBackAndForth,
		"HeldInPieces": TestHeldInPieces, "ShutdownAnswersWhatIsHeld": TestShutdownAnswersWhatIsHeld,
	} {
		t.Run(name, test)
	}
}
