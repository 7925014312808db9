package nats_test

import (
	"context"
	"encoding/json"
	"iter"

	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/nats"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/relay"
	gonats "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const (
	most     = 4000 // bytes of an update
	template = "live.{channel_id}.updates"
	stream   = "LIVE"
)

// hub is a server with the adapter, for the suite.
type hub struct {
	server  *realserver.NATS
	options nats.Options
}

func (h *hub) relayHub() *publishertest.RelayHub {
	return &publishertest.RelayHub{
		New: func(kit *relay.Kit, o relay.Options) (publisher.Publisher, error) {
			own := h.options
			own.Options = o
			return nats.New(kit, &own)
		},
		Follow: h.follow, MaxBytes: most,
		Stop:  func(testing.TB) { h.server.Kill() },
		Start: func(t testing.TB) { h.server.Restart(t) },
	}
}

// follow subscribes as any client of NATS does.
func (h *hub) follow(ctx context.Context, ch motacilla.ChannelID, ready func()) iter.Seq2[*motacilla.Update, error] {
	return func(yield func(*motacilla.Update, error) bool) {
		conn, err := gonats.Connect(h.server.URL(), gonats.NoReconnect(), gonats.Timeout(time.Minute))
		if err != nil {
			yield(nil, err)
			return
		}
		defer conn.Close()
		sub, err := conn.SubscribeSync(nats.Subject(template, ch))
		if err == nil {
			err = conn.FlushTimeout(time.Minute)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		ready()
		for {
			msg, err := sub.NextMsgWithContext(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			u := &motacilla.Update{}
			if err := json.Unmarshal(msg.Data, u); err != nil {
				yield(nil, err)
				return
			}
			if !yield(u, nil) {
				return
			}
		}
	}
}

func newHub(t testing.TB, config ...string) *hub {
	t.Helper()
	h := &hub{server: realserver.NewNATS(t, config...)}
	h.options = nats.Options{Connection: nats.Connection{Servers: []string{h.server.URL()}}, Subject: template, MaxBytes: most}
	return h
}

// connect connects to a server of the test. The caller must close the connection.
func connect(t testing.TB, server *realserver.NATS, o ...gonats.Option) *gonats.Conn {
	t.Helper()
	conn, err := gonats.Connect(server.URL(), append(o, gonats.Timeout(time.Minute))...)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// streamed makes the stream of the subjects.
func streamed(t testing.TB, server *realserver.NATS) {
	t.Helper()
	conn := connect(t, server)
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err == nil {
		_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: stream, Subjects: []string{"live.>"}, Duplicates: time.Hour})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestConformance(t *testing.T) {
	t.Run("Core", func(t *testing.T) { publishertest.RunRelay(t, newHub(t).relayHub()) })
	t.Run("Stream", func(t *testing.T) {
		h := newHub(t)
		h.options.Stream = stream
		streamed(t, h.server)
		publishertest.RunRelay(t, h.relayHub())
	})
}
