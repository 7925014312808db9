package slack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/slack"
)

// socketOnly turns HTTP off.
func socketOnly(o *slack.Options) { o.SigningSecret, o.AppToken = "", appToken }

// connected returns the next connection of a receiver.
func (w *workspace) connected() *connection {
	w.t.Helper()
	select {
	case c := <-w.sockets:
		return c
	case <-time.After(patience):
		w.t.Fatal("there is no connection")
		return nil
	}
}

// acked waits until an envelope is acknowledged.
func (c *connection) acked(t testing.TB, id string) {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case got, open := <-c.acks:
			if got == id {
				return
			}
			if !open {
				t.Fatalf("the connection ended before %s was acknowledged", id)
			}
		case <-late:
			t.Fatalf("%s was not acknowledged", id)
		}
	}
}

func (r *rig) socket() *connection {
	r.t.Helper()
	r.start()
	return r.slack.connected()
}

func TestSocketMode(t *testing.T) {
	r := newRig(t, socketOnly)
	c := r.socket()
	c.event("e1", callback(newMessage("1700000001.000100", "first")))
	c.acked(t, "e1")
	if p := r.one(); texts(p) != "first" || p.Author != "Ann" {
		t.Errorf("stored is %s", dump([]motacilla.Post{p}))
	}
	c.event("e2", callback(changed("1700000002.000100", newMessage("1700000001.000100", "second"), nil)))
	c.acked(t, "e2")
	if got := texts(r.one()); got != "second" {
		t.Errorf("after the edit the text is %q", got)
	}
	// What the receiver has no use for is acknowledged too: Slack would send it again.
	c.event("e3", callback(map[string]any{"type": "brand_new_event"}))
	c.acked(t, "e3")
	c.send(map[string]any{"envelope_id": "e4", "type": "slash_commands", "payload": map[string]any{"command": "/x"}})
	c.acked(t, "e4")
	c.event("e5", json.RawMessage(`{"type":"event_callback","event_id":"Ev1","event":{"type":"message","channel":"C024BE91L","ts":"never","text":"x"}}`))
	c.acked(t, "e5")
	c.event("e6", callback(deleted("1700000003.000100", "1700000001.000100", nil)))
	c.acked(t, "e6")
	if n := len(r.posts()); n != 0 {
		t.Errorf("after the removal there are %d posts", n)
	}
	counts := r.metrics.Counts()
	if taken, refused := counts[receiver.Delivery{Receiver: "slack", Result: receiver.Taken}],
		counts[receiver.Delivery{Receiver: "slack", Result: receiver.Refused}]; taken != 4 || refused != 1 {
		t.Errorf("counted are %v", counts)
	}
}

// What was not stored is not acknowledged. Slack sends it again.
func TestSocketModeOutage(t *testing.T) {
	r := newRig(t, socketOnly)
	c := r.socket()
	r.sink.set(true)
	e := callback(newMessage("1700000001.000100", "x"))
	c.event("lost", e)
	c.send(map[string]any{"envelope_id": "after", "type": "interactive", "payload": map[string]any{"type": "block_actions"}})
	c.acked(t, "after")
	failed := receiver.Delivery{Receiver: "slack", Result: receiver.Failed}
	for late := time.Now().Add(patience); r.metrics.Counts()[failed] == 0; {
		if time.Now().After(late) {
			t.Fatal("the failure is not counted")
		}
		c.event("other", callback(map[string]any{"type": "pause"}))
		c.acked(t, "other")
	}
	r.sink.set(false)
	c.event("again", e)
	c.acked(t, "again")
	if _, acked := c.ever.Load("lost"); acked {
		t.Error("what was not stored was acknowledged")
	}
	r.one()
}

// Slack closes connections from time to time, with and without a word.
func TestSocketModeConnectsAgain(t *testing.T) {
	r := newRig(t, socketOnly)
	c := r.socket()
	c.event("e1", callback(newMessage("1700000001.000100", "x")))
	c.acked(t, "e1")
	c.send(map[string]any{"type": "disconnect", "reason": "refresh_requested", "debug_info": map[string]any{"host": "applink-1"}})
	c = r.slack.connected()
	c.event("e2", callback(newMessage("1700000001.000200", "x")))
	c.acked(t, "e2")
	_ = c.conn.NetConn().Close()
	c = r.slack.connected()
	c.event("e3", callback(newMessage("1700000001.000300", "x")))
	c.acked(t, "e3")
	c.mu.Lock()
	_ = c.conn.WriteMessage(websocket.TextMessage, []byte("{"))
	c.mu.Unlock()
	c.event("e4", callback(newMessage("1700000001.000400", "x")))
	c.acked(t, "e4")
	if n := len(r.posts()); n != 4 {
		t.Errorf("there are %d posts, want 4", n)
	}
}

// Slack refuses the token until somebody puts it right.
func TestSocketModeTokenIsRefused(t *testing.T) {
	w := newWorkspace(t)
	w.wrong["apps.connections.open"] = "invalid_auth"
	r := newNode(t, w, newStore(t), &images{}, log(t), socketOnly)
	slack.RetryAfter(r.receiver, 10*time.Millisecond)
	r.start()
	w.called.wait(t, "Slack is asked again", func() bool { return w.count("apps.connections.open") >= 3 })
	w.set(func() { delete(w.wrong, "apps.connections.open") })
	c := w.connected()
	c.event("e1", callback(newMessage("1700000001.000100", "x")))
	c.acked(t, "e1")
}

// A burst of a thousand messages comes to two nodes, one of which stops in the middle. What it has not acknowledged is sent to the
// other. Each message becomes one post.
func TestBurstOverTwoNodes(t *testing.T) {
	const n = 1000
	w, store := newWorkspace(t), newStore(t)
	first, second := newNode(t, w, store, &images{}, log(t), socketOnly), newNode(t, w, store, &images{}, log(t), socketOnly)
	if err := first.receiver.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	a := w.connected()
	b := second.socket()
	payloads := make([]json.RawMessage, n)
	for i := range payloads {
		payloads[i] = callback(newMessage(fmt.Sprintf("1700000001.%06d", i+1), fmt.Sprint("message ", i)))
	}
	open := map[string]int{} // envelopes without an acknowledgement
	for i := range n {
		open[fmt.Sprint("e", i)] = i
	}
	var sends sync.WaitGroup
	sends.Go(func() {
		for i := 0; i < n; i += 2 {
			a.event(fmt.Sprint("e", i), payloads[i])
		}
	})
	for range n / 8 {
		delete(open, <-a.acks)
	}
	first.stop()
	for id := range a.acks {
		delete(open, id)
	}
	sends.Wait()
	again := maps.Clone(open)
	sends.Go(func() {
		for id, i := range again {
			b.event(id, payloads[i])
		}
	})
	late := time.After(2 * patience)
	for len(open) > 0 {
		select {
		case id := <-b.acks:
			delete(open, id)
		case <-late:
			t.Fatalf("%d messages were not acknowledged", len(open))
		}
	}
	sends.Wait()
	if posts := second.posts(); len(posts) != n {
		t.Errorf("%d messages became %d posts", n, len(posts))
	}
}

// While Slack is not there at all, the receiver starts, and connects when Slack is back.
func TestSocketModeStartsWithoutSlack(t *testing.T) {
	w := newWorkspace(t)
	w.down = true
	r := newNode(t, w, newStore(t), &images{}, log(t), socketOnly)
	r.start()
	w.called.wait(t, "Slack is asked again", func() bool { return w.count("apps.connections.open") >= 2 })
	w.set(func() { w.down = false })
	c := w.connected()
	c.event("e1", callback(newMessage("1700000001.000100", "x")))
	c.acked(t, "e1")
}
