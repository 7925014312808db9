package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/client"
)

// script is a server that does what a test says, in a synctest bubble. Its network consists of pipes.
type script struct {
	offers []string // names in the order in which they are offered
	many   bool     // streams are offered for several channels too
	answer map[string]http.HandlerFunc

	conns chan net.Conn
	done  chan struct{}

	mu    sync.Mutex
	asked []string // "name since" of each request, or "name c c"
	at    []time.Time
	away  int // how many connections to refuse
}

// run runs a test that follows the script with o.
func (s *script) run(t *testing.T, test func(t *testing.T, o *settings)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s.conns, s.done = make(chan net.Conn), make(chan struct{})
		server := &http.Server{Handler: s}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = server.Serve(s)
		}()
		transport := &http.Transport{DialContext: s.dial}
		test(t, &settings{own: own{client.Options{HTTP: &http.Client{Transport: transport, Timeout: time.Second}}}})
		transport.CloseIdleConnections()
		_ = server.Close()
		<-ended
	})
}

func (s *script) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	s.mu.Lock()
	refused := s.away > 0
	s.away--
	s.mu.Unlock()
	if refused {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	}
	here, there := net.Pipe()
	select {
	case s.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.done:
		return nil, net.ErrClosed
	}
}

func (s *script) Accept() (net.Conn, error) {
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.done:
		return nil, net.ErrClosed
	}
}

func (s *script) Close() error   { close(s.done); return nil }
func (s *script) Addr() net.Addr { return &net.TCPAddr{} }

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.Trim(r.URL.Path, "/")
	if name == "channels/match-42/transports" {
		name = "list"
	}
	s.mu.Lock()
	s.asked = append(s.asked, strings.TrimSpace(name+" "+r.URL.Query().Get("since")+strings.Join(r.URL.Query()["c"], " ")))
	s.at = append(s.at, time.Now())
	s.mu.Unlock()
	if answer := s.answer[name]; answer != nil {
		answer(w, r)
		return
	}
	var list []map[string]string
	for _, name := range s.offers {
		offer := map[string]string{"name": name, "url": "/" + name}
		if s.many && !strings.HasSuffix(name, "polling") {
			offer["many"] = "/many-" + name
		}
		list = append(list, offer)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"transports": list})
}

// followingMany follows channels of a script from their beginning.
func followingMany(t *testing.T, o *settings, channels ...motacilla.ChannelID) *client.Many {
	t.Helper()
	c, err := client.New("http://live.example", &o.Options)
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.FollowMany(&o.FollowOptions)
	if err != nil {
		t.Fatal(err)
	}
	for _, ch := range channels {
		if err := m.Add(ch, 0); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// questions returns the requests so far.
func (s *script) questions() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.asked, ", ")
}

// gap returns the time between two requests.
func (s *script) gap(from, to int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to >= len(s.at) {
		return -1
	}
	return s.at[to].Sub(s.at[from])
}

// step returns a delta without posts.
func step(from, to motacilla.Revision) string {
	return fmt.Sprintf(`{"channel":"match-42","from":%d,"revision":%d,"renders":{},"removals":[]}`, from, to)
}

// reset returns a reset that answers the cursor since.
func reset(since, to motacilla.Revision) string {
	return fmt.Sprintf(`{"channel":"match-42","from":%d,"revision":%d,"renders":{},"removals":[],`+
		`"reset":true,"complete":true,"title":"","ended":null}`, since, to)
}

const gone = `{"channel":"match-42","from":1,"revision":99,"renders":{},"removals":[],"gone":true}`

// goneAt returns the update that ends a channel for a reader at a revision.
func goneAt(from motacilla.Revision) string {
	return strings.Replace(gone, `"from":1,`, fmt.Sprintf(`"from":%d,`, from), 1)
}

// ends returns a reset of a channel that is gone. It ends Follow.
func ends() string { return strings.Replace(gone, `"gone"`, `"reset":true,"gone"`, 1) }

func event(update string) string { return "data: " + update + "\n\n" }

// abort breaks the connection.
type abort struct{}

// stream answers with an event stream: texts as they are, and durations as pauses.
func stream(parts ...any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		for _, part := range parts {
			switch part := part.(type) {
			case string:
				_, _ = w.Write([]byte(part))
			case abort:
				panic(http.ErrAbortHandler)
			case time.Duration:
				select {
				case <-time.After(part):
				case <-r.Context().Done():
					return
				}
			}
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// socket answers with WebSocket: texts as messages, durations as pauses, ints as close codes, and nil as a ping.
func socket(parts ...any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		up := gorilla.Upgrader{}
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			for {
				if _, _, err := conn.NextReader(); err != nil {
					return
				}
			}
		}()
		for _, part := range parts {
			switch part := part.(type) {
			case string:
				_ = conn.WriteMessage(gorilla.TextMessage, []byte(part))
			case nil:
				_ = conn.WriteMessage(gorilla.PingMessage, nil)
			case int:
				_ = conn.WriteMessage(gorilla.CloseMessage, gorilla.FormatCloseMessage(part, ""))
			case time.Duration:
				select {
				case <-time.After(part):
				case <-gone:
					return
				}
			}
		}
		_ = conn.Close()
		<-gone
	}
}

// say answers with a status, a content type and a body.
func say(status int, kind, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// never does not answer.
func never(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// turns answers each request with the next answer, and all later requests with the last.
func turns(answers ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		answer := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		mu.Unlock()
		answer(w, r)
	}
}
