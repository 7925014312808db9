package standard_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/internal/openapitest"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
	"go.uber.org/goleak"
)

// faulty is a store that fails while it has a fault.
type faulty struct {
	storage.Store
	fault atomic.Pointer[error]
}

func (f *faulty) Channel(ctx context.Context, id motacilla.ChannelID) (motacilla.Channel, error) {
	if err := f.fault.Load(); err != nil {
		return motacilla.Channel{}, *err
	}
	return f.Store.Channel(ctx, id)
}

// site is a server with all adapters. Its answers are checked against the OpenAPI description that it serves.
type site struct {
	*testing.T
	base     string
	store    *faulty
	contract *openapitest.Contract
}

func open(t *testing.T, yaml string) *site {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	s := &site{T: t, store: &faulty{Store: memory.New(nil)}}
	faulty := storage.Register[struct{}]("faulty", nil, func() storage.Store { return s.store })
	var server *app.Server
	in := &app.Input{YAML: []byte(yaml), Env: []string{}, Flags: map[string]string{
		"server.addr": "127.0.0.1:0", "server.token": "s3cret", "log.level": "error", "storage.type": "faulty"}}
	a := app.New(standard.Module, faulty, fx.Supply(in), fx.Populate(&server))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
		if err := leaktest.Find(time.Minute, ignore); err != nil {
			t.Error(err)
		}
	})
	s.base = "http://" + server.Addr().String()
	resp, err := http.Get(s.base + "/api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	doc, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if s.contract, err = openapitest.New(doc); err != nil {
		t.Fatal(err)
	}
	return s
}

// do sends a request, and checks it and its answer against the description. It reads the first event of a stream.
func (s *site) do(want int, method, path string, header ...string) (body string, got http.Header, rest *bufio.Reader) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.base+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { resp.Body.Close() })
	rest = bufio.NewReader(resp.Body)
	var read []byte
	if resp.Header.Get("Content-Type") == "text/event-stream" {
		read = s.event(rest)
	} else if read, err = io.ReadAll(rest); err != nil {
		s.Fatal(err)
	}
	s.contract.Check(s, openapitest.Exchange{Request: r, Status: resp.StatusCode, Header: resp.Header, Body: read})
	if want != 0 && resp.StatusCode != want {
		s.Errorf("%s %s: %s, want %d: %s", method, path, resp.Status, want, read)
	}
	return string(read), resp.Header, rest
}

// event reads one event and checks its data, which is an update unless the event has a type.
func (s *site) event(from *bufio.Reader) (event []byte) {
	s.Helper()
	typed := false
	for {
		line, err := from.ReadBytes('\n')
		if err != nil {
			s.Fatal(err)
		}
		event = append(event, line...)
		typed = typed || bytes.HasPrefix(line, []byte("event: "))
		if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok && !typed {
			s.contract.CheckValue(s, "Update", data)
		}
		if len(line) == 1 {
			return event
		}
	}
}

func (s *site) channel(id motacilla.ChannelID, access motacilla.Access) motacilla.Channel {
	s.Helper()
	c, err := s.store.PutChannel(s.Context(), motacilla.Channel{ID: id, Access: access}, 0)
	if err != nil {
		s.Fatal(err)
	}
	return c
}

// asks has a request for each operation of readers.
var asks = []struct{ method, path string }{
	{"GET", "/channels/CHANNEL/transports"}, {"HEAD", "/channels/CHANNEL/transports"},
	{"GET", "/live/interval-polling/CHANNEL?since=0"}, {"HEAD", "/live/interval-polling/CHANNEL"},
	{"POST", "/live/interval-polling/CHANNEL"},
	{"GET", "/live/long-polling/CHANNEL?hold=0&round=0"}, {"POST", "/live/long-polling/CHANNEL"},
	{"GET", "/live/durable-streams/CHANNEL"}, {"HEAD", "/live/durable-streams/CHANNEL"},
	{"GET", "/live/durable-streams/CHANNEL?offset=-1&live=sse"}, {"GET", "/live/durable-streams/CHANNEL?offset=-1&live=long-poll"},
	{"GET", "/events/CHANNEL"}, {"GET", "/live/websocket/CHANNEL"},
	{"GET", "/events?c=CHANNEL"}, {"GET", "/live/websocket?c=CHANNEL"},
}

const everything = `
publishers:
  - {type: sse, path: "/events/{channel_id}"}
  - {type: websocket}
  - {type: long-polling, timeout: 50ms}
  - {type: interval-polling}
  - {type: durable-streams, hold: 1s}
`

// TestReaders: every answer to a reader is described, and every described answer is seen.
func TestReaders(t *testing.T) {
	s := open(t, everything)
	c := s.channel("match-42", motacilla.Public)
	s.channel("private", motacilla.Private)
	post := motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.Text(motacilla.TrustedHTML("<p>Goal!</p>"))}}
	p, err := s.store.PutPost(t.Context(), c.ID, post, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, ask := range asks {
		at := func(channel string) string { return strings.Replace(ask.path, "CHANNEL", channel, 1) }
		websocket := strings.Contains(ask.path, "websocket")
		if !websocket {
			s.do(200, ask.method, at("match-42"))
			s.do(404, ask.method, at("none"))
		}
		s.do(400, ask.method, at("a%20b"))
		s.do(403, ask.method, at("private"))
		for status, fault := range map[int]error{500: errors.New("boom"), 503: motacilla.ErrUnavailable} {
			s.store.fault.Store(&fault)
			s.do(status, ask.method, at("unheard"))
			s.store.fault.Store(nil)
		}
		s.do(405, "PUT", at("match-42"))
	}

	head := p.Revision.String()
	const interval, long = "/live/interval-polling/match-42", "/live/long-polling/match-42"
	_, h, _ := s.do(200, "GET", interval+"?since="+head)
	s.do(304, "GET", interval+"?since="+head, "If-None-Match", h.Get("ETag"))
	s.do(200, "GET", interval+"?last_update_ts=0")
	s.do(200, "GET", long+"?since=0")
	s.do(200, "GET", long+"?hold=0&round=0&since="+head)
	s.do(200, "GET", long+"?last_update_ts=0")
	if body, _, _ := s.do(200, "GET", long+"?last_update_ts=9999999999"); !strings.Contains(body, "timeOutReached") {
		t.Errorf("long polling timed out with %s", body)
	}
	const durable = "/live/durable-streams/match-42"
	_, h, _ = s.do(200, "GET", durable)
	s.do(304, "GET", durable, "If-None-Match", h.Get("ETag"))
	s.do(200, "GET", durable+"?offset=now")
	_, h, _ = s.do(204, "GET", durable+"?live=long-poll&offset="+h.Get("Stream-Next-Offset"))
	s.do(200, "GET", durable+"?offset=now&live=sse&cursor="+h.Get("Stream-Cursor"))
	_, _, stream := s.do(200, "GET", "/events/match-42?since="+head)
	s.do(200, "GET", "/events/match-42", "Last-Event-ID", head)

	s.do(200, "GET", "/events?c=match-42,"+head+"&c=none", "Last-Event-ID", "1")

	for _, path := range []string{"/live/websocket/match-42?since=0", "/live/websocket?c=match-42"} {
		s.do(426, "GET", path)
		s.do(400, "GET", path, "Connection", "Upgrade", "Upgrade", "websocket")
		conn, resp, err := gorilla.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(s.base, "http")+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		asked, _ := http.NewRequest("GET", s.base+path, nil)
		s.contract.Check(t, openapitest.Exchange{Request: asked, Status: resp.StatusCode, Header: resp.Header})
		_, message, err := conn.ReadMessage()
		if bytes.HasPrefix(message, []byte(`{"subscribed":`)) {
			_, message, err = conn.ReadMessage()
		}
		if err != nil {
			t.Fatal(err)
		}
		s.contract.CheckValue(t, "Update", message)
	}

	for closed := ""; closed == ""; { // until the request is held when its channel is deleted
		s.channel("short", motacilla.Public)
		deleted := time.AfterFunc(100*time.Millisecond, func() { _, _ = s.store.DeleteChannel(t.Context(), "short") })
		_, h, _ = s.do(0, "GET", "/live/durable-streams/short?offset=now&live=long-poll")
		if closed = h.Get("Stream-Closed"); closed == "" {
			deleted.Stop()
			_, _ = s.store.DeleteChannel(t.Context(), "short")
		}
	}
	if _, err := s.store.DeleteChannel(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	for { // heartbeats may come first
		next := s.event(stream)
		if bytes.Contains(next, []byte(`"gone":true`)) {
			break
		}
		if !bytes.Contains(next, []byte(`"renders":{},"removals":[]}`)) {
			t.Fatalf("the last event is %s", next)
		}
	}

	s.Run("limited", func(t *testing.T) {
		limited := open(t, everything+"server: {limits: {requests_per_address: 1}}")
		limited.contract = s.contract
		limited.channel("match-42", motacilla.Public)
		for _, ask := range asks {
			path := strings.Replace(ask.path, "CHANNEL", "match-42", 1)
			for refused := false; !refused; { // a burst is let through, and one each second
				_, h, _ := limited.do(0, ask.method, path)
				refused = h.Get("Retry-After") != ""
			}
		}
	})
	s.Run("full", func(t *testing.T) {
		full := open(t, everything+"server: {limits: {readers: 1, overflow: polling}}")
		full.contract = s.contract
		full.channel("match-42", motacilla.Public)
		full.do(200, "GET", "/events/match-42") // has the one slot until the end of the test
		if body, _, _ := full.do(503, "GET", "/live/websocket/match-42"); !strings.Contains(body, `"transport":"interval-polling"`) {
			t.Errorf("a reader without a slot gets %s", body)
		}
		if body, _, _ := full.do(200, "GET", "/live/long-polling/match-42?since=0"); !strings.Contains(body, `"next_poll_ms"`) {
			t.Errorf("a long poll without a slot gets %s", body)
		}
	})
	for _, unseen := range s.contract.Unseen("/channels/", "/live/", "/events") {
		t.Errorf("described, and by no test seen: %s", unseen)
	}
}

// TestDescriptionIsOfThisServer: the description has the mounted routes with their paths, and no others.
func TestDescriptionIsOfThisServer(t *testing.T) {
	s := open(t, `publishers: [{type: websocket, path: "/ws/channel/{channel_id}/"}]`)
	body, _, _ := s.do(200, "GET", "/api/openapi.json")
	var doc struct{ Paths map[string]json.RawMessage }
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/channels", "/channels/{channel_id}/transports", "/ws/channel/{channel_id}", "/ws/channel"} {
		if doc.Paths[path] == nil {
			t.Errorf("%s is not described", path)
		}
		delete(doc.Paths, path)
	}
	for path := range doc.Paths {
		if !strings.HasPrefix(path, "/api/") {
			t.Errorf("%s is described, and not there", path)
		}
	}
}
