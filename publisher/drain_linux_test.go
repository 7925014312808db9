package publisher

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
)

// TestLateInADrain lets a reader join while a drain is at work. It is sent away at once, and those that the drain has not
// reached stay.
func TestLateInADrain(t *testing.T) {
	store, feed, end := started(t)
	defer end()
	lines := &Format{Name: "lines", Append: func(dst []byte, u *motacilla.Update) []byte { return append(u.AppendJSON(dst), '\n') }}
	streams := NewStreams(feed, &Wire{
		Name: "lines", Format: lines, Idle: lines, CloseMessage: func(End) []byte { return []byte("end\n") },
	})

	network, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer network.Close()
	enter := func() (join func() *bufio.Reader) {
		t.Helper()
		stream, err := streams.Open(httptest.NewRequest(http.MethodGet, "/", nil), "match", 0)
		if err != nil {
			t.Fatal(err)
		}
		return func() *bufio.Reader {
			ours, err := net.Dial("unix", network.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = ours.Close() })
			theirs, err := network.Accept()
			if err != nil {
				t.Fatal(err)
			}
			_ = ours.SetReadDeadline(time.Now().Add(time.Minute))
			stream.Join(theirs, []byte("hello\n"), nil)
			in := bufio.NewReader(ours)
			if line, err := in.ReadString('\n'); line != "hello\n" {
				t.Fatalf("got %q, %v", line, err)
			}
			return in
		}
	}
	var there []*bufio.Reader
	for range 60 * runtime.GOMAXPROCS(0) { // so that the drain pauses among those that share a processor
		there = append(there, enter()())
	}
	late := enter()

	var topic *topic
	for _, topic = range streams.topics {
	}
	streams.draining.Store(true)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		topic.drain(ctx, 1, time.Hour)
	}()
	const first = 50 // so many are sent away before the first pause
	eventually(t, "the drain has begun to pause", func() bool { return topic.fan.Load().Len() <= len(there)-first })
	in := late()
	if line, err := in.ReadString('\n'); line != "end\n" {
		t.Errorf("the late reader got %q, %v, want the close message", line, err)
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v after the close message, want the end", err)
	}

	post := motacilla.Post{Show: true, Content: []motacilla.Block{motacilla.PlainText("Goal")}}
	if _, err := store.PutPost(t.Context(), "match", post, 0); err != nil {
		t.Fatal(err)
	}
	stayed := 0
	for _, in := range there {
		switch line, err := in.ReadString('\n'); {
		case err != nil:
			t.Fatal(err)
		case line != "end\n":
			stayed++
		}
	}
	if want := len(there) - first; stayed != want {
		t.Errorf("%d of %d readers are left in the first pause, want %d", stayed, len(there), want)
	}
	stop()
	<-drained
}
