package slack_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const (
	botToken = "xoxb-1-right"
	appToken = "xapp-1-right"
)

// workspace stands in for Slack: its Web API, its files and its Socket Mode.
type workspace struct {
	*httptest.Server
	t      testing.TB
	called signal // after each call of the Web API

	mu       sync.Mutex
	calls    map[string]int // by method
	down     bool           // it answers with status 503
	hang     chan struct{}  // it answers when this is closed
	wrong    map[string]string
	users    map[string]string
	channels map[string]string
	groups   map[string]string
	files    map[string]file
	scopes   string
	tokens   map[string][]string // by path of a file, the Authorization headers that came

	sockets  chan *connection
	serving  sync.WaitGroup
	upgrader websocket.Upgrader
}

// file is a file at a path.
type file struct {
	kind   string
	body   []byte
	to     string        // where it redirects to
	status int           // instead of 200
	slow   chan struct{} // closed when the rest of the body may come
	info   map[string]any
}

func newWorkspace(t testing.TB) *workspace {
	w := &workspace{
		t: t, calls: map[string]int{}, wrong: map[string]string{}, tokens: map[string][]string{}, sockets: make(chan *connection, 16),
		users:    map[string]string{"U024BE7LH": "Ann", "U0G9QF9C6": "Bob <b>"},
		channels: map[string]string{"C024BE91L": "news", "C0123ABCD": "sport"},
		groups:   map[string]string{"S0614TZR7": "desk"},
		files:    map[string]file{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/{method}", w.api)
	mux.HandleFunc("GET /files-pri/", w.file)
	mux.HandleFunc("GET /link", w.link)
	w.Server = httptest.NewServer(mux)
	w.upgrader.CheckOrigin = func(*http.Request) bool { return true }
	t.Cleanup(func() {
		w.CloseClientConnections()
		w.Close()
		w.serving.Wait()
	})
	return w
}

func (w *workspace) apiURL() string { return w.URL + "/api/" }

func (w *workspace) count(method string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[method]
}

func (w *workspace) set(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// api answers as https://docs.slack.dev/reference/methods describes.
func (w *workspace) api(rw http.ResponseWriter, r *http.Request) {
	defer w.called.fire()
	method := r.PathValue("method")
	_ = r.ParseForm()
	w.mu.Lock()
	hang := w.hang
	w.calls[method]++
	w.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-r.Context().Done():
			return
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		http.Error(rw, "<html>down</html>", http.StatusServiceUnavailable)
		return
	}
	token, want := r.PostForm.Get("token"), botToken
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		token = bearer
	}
	if method == "apps.connections.open" {
		want = appToken
	}
	answer := map[string]any{"ok": true}
	fail := func(why string) { answer = map[string]any{"ok": false, "error": why} }
	found := func(m map[string]string, id, key string, make func(name string) any) {
		if name, ok := m[id]; ok {
			answer[key] = make(name)
		} else {
			fail(key + "_not_found")
		}
	}
	switch {
	case token != want:
		fail("invalid_auth")
	case w.wrong[method] != "":
		fail(w.wrong[method])
	default:
		switch method {
		case "auth.test":
			answer["team"], answer["user"], answer["team_id"], answer["user_id"] = "Example", "motacilla", "T024BE7LD", "U0BOT"
		case "users.info":
			found(w.users, r.PostForm.Get("user"), "user", func(name string) any {
				return map[string]any{"id": r.PostForm.Get("user"), "name": "login", "updated": 1502138686,
					"profile": map[string]any{"display_name": name, "real_name": "Real " + name}}
			})
		case "conversations.info":
			found(w.channels, r.PostForm.Get("channel"), "channel", func(name string) any {
				return map[string]any{"id": r.PostForm.Get("channel"), "name": name, "is_channel": true}
			})
		case "usergroups.list":
			list := []any{}
			for id, handle := range w.groups {
				list = append(list, map[string]any{"id": id, "handle": handle, "name": "The " + handle})
			}
			answer["usergroups"] = list
		case "files.info":
			fail("file_not_found")
			for _, f := range w.files {
				if f.info["id"] == r.PostForm.Get("file") {
					answer = map[string]any{"ok": true, "file": f.info}
				}
			}
		case "apps.connections.open":
			answer["url"] = "ws" + strings.TrimPrefix(w.URL, "http") + "/link?ticket=secret-ticket"
		default:
			fail("unknown_method")
		}
	}
	rw.Header().Set("Content-Type", "application/json")
	if w.scopes != "" {
		rw.Header().Set("X-OAuth-Scopes", w.scopes)
	}
	_ = json.NewEncoder(rw).Encode(answer)
}

// file gives files to whoever has the bot token. Others get a page to sign in, with status 200, as from Slack.
func (w *workspace) file(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.tokens[r.URL.Path] = append(w.tokens[r.URL.Path], r.Header.Get("Authorization"))
	f, ok := w.files[r.URL.Path]
	down := w.down
	w.mu.Unlock()
	switch {
	case down:
		http.Error(rw, "down", http.StatusServiceUnavailable)
	case r.Header.Get("Authorization") != "Bearer "+botToken:
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(rw, "<html>Sign in</html>")
	case !ok:
		http.NotFound(rw, r)
	case f.to != "":
		http.Redirect(rw, r, f.to, http.StatusFound)
	case f.status != 0:
		http.Error(rw, "no", f.status)
	default:
		rw.Header().Set("Content-Type", f.kind)
		half := len(f.body) / 2
		_, _ = rw.Write(f.body[:half])
		if f.slow != nil {
			_ = http.NewResponseController(rw).Flush()
			select {
			case <-f.slow:
			case <-r.Context().Done():
				return
			}
		}
		_, _ = rw.Write(f.body[half:])
	}
}

// connection is a connection of Socket Mode, as Slack has it.
type connection struct {
	conn *websocket.Conn
	mu   sync.Mutex
	acks chan string // the IDs of envelopes that were acknowledged; closed when the connection ends
	ever sync.Map    // all of them
}

func (w *workspace) link(rw http.ResponseWriter, r *http.Request) {
	w.serving.Add(1)
	defer w.serving.Done()
	conn, err := w.upgrader.Upgrade(rw, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	c := &connection{conn: conn, acks: make(chan string, 2000)}
	c.send(map[string]any{
		"type": "hello", "num_connections": 1, "connection_info": map[string]any{"app_id": "A0123"},
		"debug_info": map[string]any{"host": "applink-1", "build_number": 1, "approximate_connection_time": 18060},
	})
	done := make(chan struct{})
	var pings sync.WaitGroup
	pings.Go(func() {
		tick := time.NewTicker(5 * time.Second)
		defer tick.Stop()
		for {
			c.mu.Lock()
			err := conn.WriteControl(websocket.PingMessage, []byte("Ping from applink-1"), time.Now().Add(10*time.Second))
			c.mu.Unlock()
			if err != nil {
				return
			}
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	})
	w.sockets <- c
	for {
		var ack struct {
			EnvelopeID string `json:"envelope_id"`
		}
		if conn.ReadJSON(&ack) != nil {
			break
		}
		c.ever.Store(ack.EnvelopeID, true)
		c.acks <- ack.EnvelopeID
	}
	close(done)
	close(c.acks)
	pings.Wait()
}

func (c *connection) send(v any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.conn.WriteJSON(v)
}

// event sends an event in an envelope of this ID.
func (c *connection) event(id string, payload json.RawMessage) {
	c.send(map[string]any{
		"envelope_id": id, "type": "events_api", "accepts_response_payload": false, "retry_attempt": 0, "retry_reason": "",
		"payload": payload,
	})
}
