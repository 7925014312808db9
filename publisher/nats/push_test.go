package nats_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher/nats"
	"github.com/motacilla-live/motacilla/publisher/publishertest"
	"github.com/motacilla-live/motacilla/publisher/relay"
	gonats "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const patience = 2 * time.Minute

// relayed returns a site that is relayed to NATS.
func relayed(t *testing.T, o *nats.Options) (*publishertest.Site, *nats.Publisher) {
	t.Helper()
	site := publishertest.NewSite(t, nil)
	t.Cleanup(site.Close)
	return site, relays(t, site, o)
}

// relays starts a relay of a site, and waits until it pushes.
func relays(t *testing.T, site *publishertest.Site, o *nats.Options) *nats.Publisher {
	t.Helper()
	own := *o
	own.Backoff = 50 * time.Millisecond
	p, err := nats.New(&relay.Kit{Feed: site.Feed, Source: site.Source}, &own)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := p.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	site.Eventually("the site is relayed", func() bool { return p.Status().Leading })
	return p
}

// TestMessage: what is in a message, and that a private channel's goes to its own subject.
func TestMessage(t *testing.T) {
	h := newHub(t)
	h.options.Private, h.options.PrivateSubject = true, "members.{channel_id}"
	conn := connect(t, h.server)
	defer conn.Close()
	all, err := conn.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	site, _ := relayed(t, &h.options)
	site.Create("2026.final", motacilla.Public)
	site.Create("inside", motacilla.Private)
	var term int64
	for _, tt := range []struct {
		channel motacilla.ChannelID
		subject string
	}{{"2026.final", "live.2026%2Efinal.updates"}, {"inside", "members.inside"}, {"2026.final", "live.2026%2Efinal.updates"}} {
		post := site.Post(tt.channel, "Goal")
		msg, err := all.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		var u motacilla.Update
		if err := json.Unmarshal(msg.Data, &u); err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprintf("nats/%s/%d-%d", tt.channel, u.From, u.Revision)
		if msg.Subject != tt.subject || msg.Header.Get(nats.ChannelHeader) != string(tt.channel) || msg.Header.Get(gonats.MsgIdHdr) != id {
			t.Errorf("the message has the subject %s and the header %v", msg.Subject, msg.Header)
		}
		if u.Revision != post.Revision {
			t.Errorf("the update is %+v", u)
		}
		now, err := strconv.ParseInt(msg.Header.Get(nats.TermHeader), 10, 64)
		if err != nil || term != 0 && now != term {
			t.Errorf("the term is %v (%v), and was %d", now, err, term)
		}
		term = now
	}
}

// TestEndOfPrivateChannel: the end of a private channel goes to its own subject, also if the channel was deleted while no relay ran.
func TestEndOfPrivateChannel(t *testing.T) {
	h := newHub(t)
	h.options.Private, h.options.PrivateSubject = true, "members.{channel_id}"
	conn := connect(t, h.server)
	defer conn.Close()
	all, err := conn.SubscribeSync(">")
	if err == nil {
		err = conn.FlushTimeout(patience)
	}
	if err != nil {
		t.Fatal(err)
	}
	site, p := relayed(t, &h.options)
	site.Create("inside", motacilla.Private)
	site.Post("inside", "Goal")
	site.Eventually("it is pushed", func() bool { return p.Status().Pushes > 0 && p.Status().Behind == 0 })
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := site.Store.DeleteChannel(t.Context(), "inside"); err != nil {
		t.Fatal(err)
	}
	relays(t, site, &h.options)
	for gone := false; !gone; {
		msg, err := all.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		var u motacilla.Update
		if err := json.Unmarshal(msg.Data, &u); err != nil {
			t.Fatal(err)
		}
		if gone = u.Gone; msg.Subject != "members.inside" {
			t.Errorf("%s has %s", msg.Subject, msg.Data)
		}
	}
}

// TestStored: the stream has each update once, and none is pushed before there is a stream.
func TestStored(t *testing.T) {
	h := newHub(t)
	h.options.Stream, h.options.MaxBytes = stream, 100_000 // no notices
	site, p := relayed(t, &h.options)
	site.Create("match", motacilla.Public)
	site.Post("match", "Before there is a stream")
	site.Eventually("the relay tells that there is none", func() bool { return p.Status().Failed > 0 })
	streamed(t, h.server)
	for i := range 20 {
		site.Post("match", fmt.Sprint("Goal ", i))
	}
	site.Eventually("the stream is level", func() bool {
		st := p.Status()
		return st.Pushes > 0 && st.Behind == 0 && st.Failing.IsZero()
	})
	conn := connect(t, h.server)
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := js.OrderedConsumer(t.Context(), stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	info, err := consumer.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list, err := consumer.Fetch(int(info.NumPending))
	if err != nil {
		t.Fatal(err)
	}
	var at motacilla.Revision
	for msg := range list.Messages() {
		var u motacilla.Update
		if err := json.Unmarshal(msg.Data(), &u); err != nil {
			t.Fatal(err)
		}
		if at != 0 && u.From != at {
			t.Errorf("an update from %d follows one to %d", u.From, at)
		}
		at = u.Revision
	}
	stored, err := site.Store.Channel(t.Context(), "match")
	if err != nil || at != stored.Head || list.Error() != nil {
		t.Errorf("the stream ends at %d, the channel at %d (%v, %v)", at, stored.Head, err, list.Error())
	}
}

// TestTwoRelays: two relays may have the same stream. What one of them has pushed is not taken for what the other one pushes.
func TestTwoRelays(t *testing.T) {
	h := newHub(t)
	streamed(t, h.server)
	h.options.Stream, h.options.MaxBytes = stream, 100_000
	first, second := h.options, h.options
	first.Subject, second.Subject, second.Name = "live.first.{channel_id}", "live.second.{channel_id}", "second"
	site, _ := relayed(t, &first)
	relays(t, site, &second)
	site.Create("match", motacilla.Public)
	post := site.Post("match", "Goal")
	conn := connect(t, h.server)
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"live.first.match", "live.second.match"} {
		site.Eventually("the stream has the post at "+subject, func() bool {
			var u motacilla.Update
			msg, err := s.GetLastMsgForSubject(t.Context(), subject)
			return err == nil && json.Unmarshal(msg.Data, &u) == nil && u.Revision == post.Revision
		})
	}
}

// TestOtherStream: what another stream has stored than the one of the options is not taken for pushed.
func TestOtherStream(t *testing.T) {
	h := newHub(t)
	streamed(t, h.server)
	h.options.Stream = "ANOTHER"
	site, p := relayed(t, &h.options)
	site.Create("match", motacilla.Public)
	site.Post("match", "Goal")
	site.Eventually("the relay tells that it fails", func() bool { return p.Status().Failed > 0 })
	if st := p.Status(); st.Pushes > 0 {
		t.Errorf("the relay says %+v", st)
	}
}

// TestDenied: what the server does not allow is not taken for pushed. It is pushed when the server allows it.
func TestDenied(t *testing.T) {
	config := func(publish string) string {
		return `authorization { users: [ { user: app, password: "s3cret", permissions: { publish: { allow: [` + publish + `] } } },
			{ user: reader, password: r } ] }`
	}
	for name, stored := range map[string]bool{"Core": false, "Stream": true} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, config(`"other.>"`))
			h.options.User, h.options.Password = "app", "s3cret"
			if stored {
				h.options.Stream = stream
			}
			site, p := relayed(t, &h.options)
			site.Create("match", motacilla.Public)
			site.Post("match", "Goal")
			site.Eventually("the relay tells that it fails", func() bool { return p.Status().Failed > 0 })
			if st := p.Status(); st.Pushes > 0 || st.Behind != 1 {
				t.Errorf("the relay says %+v", st)
			}
			h.server.Kill()
			h.server.Configure(t, config(`"live.>"`))
			h.server.Restart(t)
			if stored {
				conn := connect(t, h.server, gonats.UserInfo("reader", "r"))
				defer conn.Close()
				js, err := jetstream.New(conn)
				if err == nil {
					_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: stream, Subjects: []string{"live.>"}})
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			site.Eventually("it is pushed", func() bool { return p.Status().Pushes > 0 })
		})
	}
}

// TestTooLarge: an update that the server will never take keeps no other from being pushed.
func TestTooLarge(t *testing.T) {
	h := newHub(t, "max_payload: 3000")
	h.options.MaxBytes = 20_000
	h.givesUp(t)
}

// givesUp has the relay push an update of more than 5,000 bytes, which is refused, and then a small one.
func (h *hub) givesUp(t *testing.T) {
	t.Helper()
	site, p := relayed(t, &h.options)
	site.Create("match", motacilla.Public)
	site.Post("match", strings.Repeat("a", 5000))
	site.Eventually("the update is given up", func() bool { return p.Status().Refused == 1 })
	site.Post("match", "Goal")
	site.Eventually("the next one is pushed", func() bool { return p.Status().Pushes == 1 })
}

// TestTooLargeForStream: the same of a stream that takes no large messages.
func TestTooLargeForStream(t *testing.T) {
	h := newHub(t)
	h.options.Stream, h.options.MaxBytes = stream, 20_000
	conn := connect(t, h.server)
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err == nil {
		_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: stream, Subjects: []string{"live.>"}, MaxMsgSize: 3000})
	}
	if err != nil {
		t.Fatal(err)
	}
	h.givesUp(t)
}

// TestGivenUp: the library closes a connection for ever if a server has lowered its max_payload, and gets more. The relay goes on.
func TestGivenUp(t *testing.T) {
	h := newHub(t)
	h.options.MaxBytes = 20_000
	site, p := relayed(t, &h.options)
	site.Create("match", motacilla.Public)
	site.Post("match", "Goal")
	site.Eventually("it is pushed", func() bool { return p.Status().Pushes == 1 })
	h.server.Configure(t, "max_payload: 3000")
	h.server.Reload(t)
	site.Eventually("the server takes less", func() bool {
		conn := connect(t, h.server)
		defer conn.Close()
		return conn.MaxPayload() == 3000
	})
	site.Post("match", strings.Repeat("a", 5000))
	site.Eventually("the update is given up", func() bool { return p.Status().Refused == 1 })
	site.Post("match", "Goal")
	site.Eventually("the next one is pushed", func() bool { return p.Status().Pushes == 2 })
}

func TestOptions(t *testing.T) {
	site := publishertest.NewSite(t, nil)
	defer site.Close()
	for want, set := range map[string]func(*nats.Options){
		"servers: must have":              func(o *nats.Options) { o.Servers = nil },
		"subject: must have {channel_id}": func(o *nats.Options) { o.Subject = "a.*" },
		"subject: must have":              func(o *nats.Options) { o.Subject = "a..{channel_id}" },
		"private_subject: must be set":    func(o *nats.Options) { o.Private = true },
		"private_subject: must differ": func(o *nats.Options) {
			o.Subject, o.PrivateSubject = "a.{channel_id}", "a.{channel_id}"
		},
		"private_subject: must differ from": func(o *nats.Options) {
			o.Subject, o.PrivateSubject = "a.{channel_id}", "{channel_id}.b"
		},
		"private_subject: must differ from subject": func(o *nats.Options) {
			o.Subject, o.PrivateSubject = "live-{channel_id}", "live-private-{channel_id}"
		},
		"private_subject: must have": func(o *nats.Options) { o.PrivateSubject = "$SYS.{channel_id}" },
		"stream: must be":            func(o *nats.Options) { o.Stream = "a b" },
		"name: must be":              func(o *nats.Options) { o.Name = "a/b" },
	} {
		o := nats.Defaults()
		o.Servers = []string{"nats://127.0.0.1:4222"}
		set(o)
		if _, err := nats.New(&relay.Kit{Feed: site.Feed, Source: site.Source}, o); !errors.Is(err, motacilla.ErrInvalid) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("want %s, got %v", want, err)
		}
	}
}
