package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/sse"
	"github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/route"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.uber.org/fx"
)

// moves checks what a reader is told that is to poll.
func moves(t *testing.T, said string) publisher.Move {
	t.Helper()
	var m publisher.Move
	if err := json.Unmarshal([]byte(said), &m); err != nil || len(said) > 123 { // the longest reason of a close frame
		t.Fatalf("a reader is told %q: %v", said, err)
	}
	if m.Transport != "interval-polling" || m.For < 60 || m.For > 120 || m.Retry < 5 || m.Retry > 25 {
		t.Errorf("a reader is told %+v", m)
	}
	return m
}

// event is all that server-sent events tell a reader that is to poll.
var event = regexp.MustCompile(`^retry: (\d+)\nevent: transport\ndata: (\{.*\})\n\n$`)

// TestReadersAreMoved: with overflow: polling, a reader for whom there is no slot is told to poll, as each transport can tell it.
func TestReadersAreMoved(t *testing.T) {
	for _, limit := range []string{"readers", "readers_per_channel"} {
		t.Run(limit, func(t *testing.T) {
			r := start(t, fmt.Sprintf(`server: {limits: {%s: 1, overflow: polling}}`, limit), sse.Module, websocket.Module)
			leave := r.follow(t, "open")
			head, err := r.store.Channel(t.Context(), "open")
			if err != nil {
				t.Fatal(err)
			}
			stays := map[int]bool{}
			for range 8 {
				resp, body := r.do(t, http.MethodGet, "/live/sse/open/")
				said := event.FindStringSubmatch(body)
				if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" || said == nil {
					t.Fatalf("SSE: %s %v %q", resp.Status, resp.Header, body)
				}
				m := moves(t, said[2])
				if said[1] != strconv.Itoa(m.Retry*1000) {
					t.Errorf("retry is %s ms, and %d s", said[1], m.Retry)
				}
				stays[m.For] = true
			}
			if len(stays) < 2 {
				t.Error("all readers come back at the same time")
			}
			conn, resp, err := gorilla.DefaultDialer.DialContext(t.Context(), "ws"+r.base[4:]+"/live/websocket/open/", nil)
			if err != nil {
				t.Fatal(resp, err)
			}
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			_, _, err = conn.ReadMessage()
			_ = conn.Close()
			var end *gorilla.CloseError
			if !errors.As(err, &end) || end.Code != 4503 {
				t.Fatalf("WebSocket: %v", err)
			}
			moves(t, end.Text)

			// A browser's script asks so why its WebSocket has failed.
			resp, body := r.do(t, http.MethodGet, "/live/websocket/open/")
			var p route.Problem
			refused(t, resp, body, 503, 5, 25)
			if json.Unmarshal([]byte(body), &p) != nil || p.Transport != "interval-polling" || p.For < 60 || p.For > 120 {
				t.Errorf("a GET of a WebSocket is answered %s", body)
			}
			// Long polling becomes interval polling by itself.
			resp, body = r.do(t, http.MethodGet, "/live/long-polling/open/?since="+head.Head.String())
			if resp.StatusCode != 200 || !strings.Contains(body, `"next_poll_ms":3000`) || resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("long polling: %s %v %s", resp.Status, resp.Header, body)
			}
			if resp, body = r.do(t, http.MethodGet, "/live/long-polling/open/?since=0"); !strings.Contains(body, `"reset":true`) {
				t.Errorf("long polling from 0: %s %s", resp.Status, body)
			}
			_, metrics := r.do(t, http.MethodGet, "/metrics")
			if want := "motacilla_readers_moved_total 12"; !strings.Contains(metrics, want) {
				t.Errorf("/metrics lacks %s", want)
			}
			leave()
			for deadline := time.Now().Add(patience); ; { // the server notices soon
				if _, body := r.do(t, http.MethodGet, "/live/long-polling/open/?since=0"); !strings.Contains(body, "next_poll_ms") {
					break
				}
				if time.Now().After(deadline) {
					t.Fatal("the place of a reader who left is not free")
				}
			}
			r.follow(t, "open")()
		})
	}
}

// An address with too many readers is refused, and not moved: it would make more requests.
func TestAddressesAreNotMoved(t *testing.T) {
	r := start(t, `server: {limits: {readers_per_address: 1, overflow: polling}}`, sse.Module)
	defer r.follow(t, "open")()
	for _, path := range []string{"/live/sse/open/", "/live/long-polling/open/?since=1"} {
		resp, body := r.do(t, http.MethodGet, path)
		refused(t, resp, body, 429, 5, 25)
		if strings.Contains(body, "transport") {
			t.Errorf("%s: %s", path, body)
		}
	}
}

// Readers can be moved only to what there is.
func TestOverflowNeedsPolling(t *testing.T) {
	a := app.New(memory.Module, sse.Module, fx.Supply(&app.Input{
		YAML: []byte(`server: {limits: {overflow: polling}}`), Env: []string{}, Flags: map[string]string{"server.token": "s3cret"},
	}))
	err := a.Err()
	if err == nil || !strings.Contains(err.Error(), "server.limits.overflow: must be refuse, since publishers has no interval-polling") {
		t.Errorf("the error is %v", err)
	}
}
