package nats

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/outbound"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// patience is how long a test waits for what must happen.
const patience = 2 * time.Minute

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for late := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("it does not happen that %s", what)
		}
	}
}

// source is a stream, or only a part of the subjects, of a server that tests share. Another source does not see its documents.
type source struct {
	testing.TB
	server *realserver.NATS
	name   string // of the stream, and the beginning of all subjects
	conn   *nats.Conn
	js     jetstream.JetStream
}

var sources atomic.Int64

func newSource(t testing.TB, server *realserver.NATS) *source {
	t.Helper()
	s := &source{TB: t, server: server, name: fmt.Sprintf("source%d", sources.Add(1))}
	var err error
	s.conn, err = nats.Connect(server.URL(), nats.Timeout(patience), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.conn.Close)
	if s.js, err = jetstream.New(s.conn); err != nil {
		t.Fatal(err)
	}
	return s
}

// stream makes the stream.
func (s *source) stream() *source {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := s.js.CreateStream(ctx, jetstream.StreamConfig{Name: s.name, Subjects: []string{s.name + ".>"}}); err != nil {
		s.Fatal(err)
	}
	return s
}

// send publishes a document, again and again until the stream has stored it.
func (s *source) send(subject, id string, document any) {
	s.Helper()
	body, ok := document.(string)
	if !ok {
		b, err := json.Marshal(document)
		if err != nil {
			s.Fatal(err)
		}
		body = string(b)
	}
	msg := nats.NewMsg(s.name + "." + subject)
	msg.Data = []byte(body)
	msg.Header.Set("Nats-Msg-Id", id) // what is stored twice because of a lost answer is one document
	for late := time.Now().Add(patience); ; {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		_, err := s.js.PublishMsg(ctx, msg)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(late) {
			s.Fatalf("the stream does not take %s: %v", id, err)
		}
	}
}

// idle waits until the stream has nothing for the receiver, and nothing is put off.
func (s *source) idle(consumer string) {
	s.Helper()
	eventually(s, "all documents are settled", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		c, err := s.js.Consumer(ctx, s.name, consumer)
		if err != nil {
			return false
		}
		info := c.CachedInfo()
		return info.NumPending == 0 && info.NumAckPending == 0
	})
}

// options are those of a receiver of messages such as {"id": 1, "text": "Goal"}.
func (s *source) options() *Options {
	return &Options{
		Connection: Connection{Servers: []string{s.server.URL()}}, Subjects: []string{s.name + ".{channel_id}"}, Stream: s.name,
		Begin: beginAll, Name: s.name,
		Mapping: Mapping{MessageID: "m{{.id}}", Text: "{{.text}}"},
	}
}

// shared are what the nodes of a test share.
type shared struct {
	store   storage.Store
	sink    receiver.Sink
	metrics *receiver.Metrics
}

func newShared(t testing.TB, channels ...motacilla.ChannelID) *shared {
	t.Helper()
	store := memory.New(nil)
	t.Cleanup(func() { _ = store.Close() })
	for _, ch := range channels {
		if _, err := store.PutChannel(context.Background(), motacilla.Channel{ID: ch}, 0); err != nil {
			t.Fatal(err)
		}
	}
	return &shared{store: store, sink: store, metrics: &receiver.Metrics{}}
}

func (s *shared) kit() *receiver.Kit {
	return &receiver.Kit{
		Sink: s.sink, Records: s.store.Records(), Images: receiver.NoImages{}, Metrics: s.metrics,
		Client: outbound.New(&outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}),
	}
}

// node starts a receiver. It is shut down when the test ends.
func (s *shared) node(t testing.TB, o *Options, settled func(*document, error)) *Receiver {
	t.Helper()
	r, err := New(s.kit(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.settled = settled
	if err := r.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.end(t) })
	return r
}

// conn returns the receiver's connection.
func (r *Receiver) conn(t testing.TB) (conn *nats.Conn) {
	t.Helper()
	eventually(t, "the receiver is connected", func() (ok bool) {
		var err error
		conn, err = r.link.Conn()
		return err == nil
	})
	return conn
}

// subscribed waits until the receiver has subscribed.
func (r *Receiver) subscribed(t testing.TB) {
	t.Helper()
	conn := r.conn(t)
	eventually(t, "the receiver has subscribed", func() bool { return conn.NumSubscriptions() > 0 })
	if err := conn.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
}

// die ends the receiver's connection first, and then the receiver. So the receiver can no longer acknowledge what it has.
func (r *Receiver) die(t testing.TB) {
	t.Helper()
	r.conn(t).Close()
	r.stop()
}

func (r *Receiver) end(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

// texts returns the texts of a channel's posts, oldest first.
func (s *shared) texts(t testing.TB, ch motacilla.ChannelID) []string {
	t.Helper()
	page, err := s.store.Posts(context.Background(), ch, motacilla.Query{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	list := make([]string, len(page.Posts))
	for i, p := range page.Posts {
		var text strings.Builder
		for _, b := range p.Content {
			text.WriteString(b.Text.String())
		}
		list[len(list)-1-i] = text.String()
	}
	return list
}

// publish publishes a document that no stream keeps.
func (s *source) publish(subject, id string, document any) {
	s.Helper()
	body, err := json.Marshal(document)
	if err != nil {
		s.Fatal(err)
	}
	msg := nats.NewMsg(s.name + "." + subject)
	msg.Data = body
	msg.Header.Set("Nats-Msg-Id", id)
	if err := s.conn.PublishMsg(msg); err != nil {
		s.Fatal(err)
	}
}
