package nats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// note is a document of the tests.
type note struct {
	ID   int    `json:"id"`
	Text string `json:"text"`
}

// TestNothingIsLostOrDoubled: two nodes share a stream. The server is killed twice, one node dies, and another one comes.
func TestNothingIsLostOrDoubled(t *testing.T) {
	src := newSource(t, realserver.NewNATS(t)).stream()
	common := newShared(t, "match")
	o := src.options()
	o.AckWait = time.Second
	first, second := common.node(t, o, nil), common.node(t, o, nil)
	const all = 120
	var want []string
	for i := range all {
		switch i {
		case 30, 60:
			src.server.Kill()
			src.server.Restart(t)
		case 45:
			first.die(t)
		case 75:
			second.end(t)
			second.link = nil
		case 90:
			common.node(t, o, nil)
		}
		text := fmt.Sprintf("goal %03d", i)
		src.send("match", fmt.Sprint(i), note{i, text})
		want = append(want, text)
	}
	src.idle("motacilla-" + src.name)
	got := common.texts(t, "match")
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%d documents became %d posts: %v", all, len(got), got)
	}
}

// TestNodesShare: each document goes to one node.
func TestNodesShare(t *testing.T) {
	server := realserver.NewNATS(t)
	for name, stream := range map[string]bool{"Stream": true, "Core": false} {
		t.Run(name, func(t *testing.T) {
			src := newSource(t, server)
			o := src.options()
			if stream {
				src.stream()
			} else {
				o.Stream = ""
			}
			common := newShared(t, "match")
			var mu sync.Mutex
			takes := map[string]int{}
			settled := func(d *document, _ error) {
				mu.Lock()
				defer mu.Unlock()
				takes[d.header.Get("Nats-Msg-Id")]++
			}
			const all = 100
			for range 2 {
				n := common.node(t, o, settled)
				n.subscribed(t)
			}
			for i := range all {
				if stream {
					src.send("match", fmt.Sprint(i), note{i, "goal"})
					continue
				}
				src.publish("match", fmt.Sprint(i), note{i, "goal"})
			}
			eventually(t, "all documents are posts", func() bool { return len(common.texts(t, "match")) == all })
			mu.Lock()
			defer mu.Unlock()
			for id, n := range takes {
				if n > 1 && !stream { // a slow node's document may go to the other one too
					t.Errorf("document %s was taken %d times", id, n)
				}
			}
		})
	}
}

// failing is a sink that does not store posts with this text for some times.
type failing struct {
	receiver.Sink
	mu    sync.Mutex
	text  string
	times int
}

func (f *failing) PutPost(ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision) (motacilla.Post, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, b := range p.Content {
		if f.times > 0 && strings.Contains(b.Text.String(), f.text) {
			f.times--
			return motacilla.Post{}, fmt.Errorf("a test: %w", motacilla.ErrUnavailable)
		}
	}
	return f.Sink.PutPost(ctx, ch, p, replaces)
}

// TestPutOff: a document that the store does not take comes again. It does not overwrite what came after it.
func TestPutOff(t *testing.T) {
	src := newSource(t, realserver.NewNATS(t)).stream()
	common := newShared(t, "match")
	common.sink = &failing{Sink: common.store, text: "the first", times: 2}
	results := make(chan string, 10)
	common.node(t, src.options(), func(d *document, err error) {
		results <- fmt.Sprintf("%s %t", d.header.Get("Nats-Msg-Id"), err == nil)
	})
	src.send("match", "a", note{1, "the first"})
	src.send("match", "b", note{1, "the second"})
	seen := map[string]int{}
	for seen["a true"] == 0 || seen["b true"] == 0 {
		seen[<-results]++
	}
	if seen["a false"] != 2 {
		t.Errorf("the documents had these results: %v", seen)
	}
	if got := common.texts(t, "match"); !slices.Equal(got, []string{"the second"}) {
		t.Errorf("the posts are %q", got)
	}
	src.idle("motacilla-" + src.name)
	if n := common.metrics.Counts()[receiver.Delivery{Receiver: src.name, Result: receiver.Failed}]; n != 2 {
		t.Errorf("%d failures are counted, want 2", n)
	}
}

// holding is a sink that stores the first post only after it was let go.
type holding struct {
	receiver.Sink
	begun, free chan struct{}
	once        sync.Once
}

func (h *holding) PutPost(ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision) (motacilla.Post, error) {
	h.once.Do(func() {
		close(h.begun)
		<-h.free
	})
	return h.Sink.PutPost(ctx, ch, p, replaces)
}

// TestGiveBack: what a node has that stops, and has not begun, goes to another one at once.
func TestGiveBack(t *testing.T) {
	src := newSource(t, realserver.NewNATS(t)).stream()
	common := newShared(t, "match")
	sink := &holding{Sink: common.store, begun: make(chan struct{}), free: make(chan struct{})}
	common.sink = sink
	o := src.options()
	o.AckWait = time.Hour
	const all = ahead / 2
	var want []string
	for i := range all {
		text := fmt.Sprintf("goal %03d", i)
		src.send("match", text, note{i, text})
		want = append(want, text)
	}
	first := common.node(t, o, nil)
	<-sink.begun
	eventually(t, "the node has all", func() bool {
		c, err := src.js.Consumer(t.Context(), src.name, "motacilla-"+src.name)
		return err == nil && c.CachedInfo().NumAckPending == all
	})
	first.stop()
	close(sink.free)
	first.end(t)
	first.link = nil
	common.node(t, o, nil)
	eventually(t, "all documents are posts", func() bool {
		got := common.texts(t, "match")
		slices.Sort(got)
		return slices.Equal(got, want)
	})
}

// TestOrder: posts have the time at which the stream stored their documents, not that at which the store took them.
func TestOrder(t *testing.T) {
	src := newSource(t, realserver.NewNATS(t)).stream()
	common := newShared(t, "match")
	common.sink = &failing{Sink: common.store, text: "one", times: 3}
	for i, text := range []string{"one", "two", "three"} {
		src.send("match", text, note{i, text})
	}
	common.node(t, src.options(), nil)
	eventually(t, "all are posts", func() bool { return len(common.texts(t, "match")) == 3 })
	if got := common.texts(t, "match"); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("the posts are %q", got)
	}
}

// TestRefused: a document that can't become a post is ended, and keeps no other from coming.
func TestRefused(t *testing.T) {
	src := newSource(t, realserver.NewNATS(t)).stream()
	common := newShared(t, "match")
	for i, bad := range []string{"{", `{"id":1}`, strings.Repeat(" ", 2000)} {
		src.send("match", fmt.Sprint("bad", i), bad)
	}
	src.send("no-such-channel", "bad3", note{1, "x"})
	src.send("match", "good", note{2, "good"})
	o := src.options()
	o.MaxBody = 1500
	var mu sync.Mutex
	takes := 0
	common.node(t, o, func(d *document, err error) {
		mu.Lock()
		defer mu.Unlock()
		if takes++; err != nil && !errors.Is(err, motacilla.ErrInvalid) && !errors.Is(err, motacilla.ErrNotFound) {
			t.Errorf("%s: %v", d.header.Get("Nats-Msg-Id"), err)
		}
	})
	eventually(t, "the good one is a post", func() bool { return len(common.texts(t, "match")) == 1 })
	src.idle("motacilla-" + src.name)
	counts := common.metrics.Counts()
	if n := counts[receiver.Delivery{Receiver: src.name, Result: receiver.Refused}]; n < 4 {
		t.Errorf("%d documents are counted as refused, want 4", n)
	}
	if n := counts[receiver.Delivery{Receiver: src.name, Result: receiver.Taken}]; n < 1 {
		t.Errorf("%d documents are counted as taken, want 1", n)
	}
}

// panicking is a sink that panics at posts with this text.
type panicking struct {
	receiver.Sink
	text string
}

func (p *panicking) PutPost(ctx context.Context, ch motacilla.ChannelID, post motacilla.Post, replaces motacilla.Revision) (motacilla.Post, error) {
	for _, b := range post.Content {
		if strings.Contains(b.Text.String(), p.text) {
			panic(p.text)
		}
	}
	return p.Sink.PutPost(ctx, ch, post, replaces)
}

// TestPanic: a document that shows a defect of the program is ended. Otherwise it would come again for ever, and in the end such
// documents would keep all others from coming.
func TestPanic(t *testing.T) {
	src := newSource(t, realserver.NewNATS(t)).stream()
	common := newShared(t, "match")
	common.sink = &panicking{common.store, "bad"}
	src.send("match", "a", note{1, "bad"})
	src.send("match", "b", note{2, "good"})
	common.node(t, src.options(), nil)
	eventually(t, "the good one is a post", func() bool { return slices.Equal(common.texts(t, "match"), []string{"good"}) })
	src.idle("motacilla-" + src.name)
	if n := common.metrics.Counts()[receiver.Delivery{Receiver: src.name, Result: receiver.Refused}]; n < 1 {
		t.Errorf("%d documents are counted as refused, want 1", n)
	}
}

// TestLimitOfDeliveries: a consumer that gives documents up is not used.
func TestLimitOfDeliveries(t *testing.T) {
	src := newSource(t, realserver.NewNATS(t)).stream()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	config := jetstream.ConsumerConfig{Durable: "own", AckPolicy: jetstream.AckExplicitPolicy, FilterSubject: src.name + ".*", MaxDeliver: 3}
	if _, err := src.js.CreateConsumer(ctx, src.name, config); err != nil {
		t.Fatal(err)
	}
	o := src.options()
	o.Consumer = "own"
	core, logs := observer.New(zap.WarnLevel)
	r, err := New(newShared(t, "match").kit(), o, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(ctx); err != nil {
		t.Fatal(err)
	}
	defer r.end(t)
	eventually(t, "the log says why", func() bool {
		list := logs.FilterMessageSnippet("documents can't be taken").All()
		return len(list) > 0 && strings.Contains(fmt.Sprint(list[0].ContextMap()), "limit of deliveries")
	})
}

// TestConsumer: what the consumer is, where it begins, and that it follows a change of the subjects.
func TestConsumer(t *testing.T) {
	src := newSource(t, realserver.NewNATS(t))
	common := newShared(t, "match", "other")
	o := src.options()
	o.Begin = "new"
	node := common.node(t, o, nil) // there is no stream yet
	node.conn(t)
	src.stream()
	info := func() *jetstream.ConsumerInfo {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		c, err := src.js.Consumer(ctx, src.name, "motacilla-"+src.name)
		if err != nil {
			return nil
		}
		return c.CachedInfo()
	}
	eventually(t, "it has a consumer", func() bool { return info() != nil })
	config := info().Config
	if config.AckPolicy != jetstream.AckExplicitPolicy || config.DeliverPolicy != jetstream.DeliverNewPolicy || config.AckWait != defaultAckWait {
		t.Errorf("the consumer is %+v", config)
	}
	src.send("match", "1", note{1, "goal"})
	eventually(t, "it is a post", func() bool { return len(common.texts(t, "match")) == 1 })
	node.end(t)
	node.link = nil
	o.Subjects = []string{src.name + ".news.{channel_id}.>", src.name + ".{channel_id}"}
	src.send("news.other.today.1", "2", note{2, "while no node runs, on a subject of tomorrow"})
	common.node(t, o, nil)
	src.send("news.other.today.1", "3", note{3, "news"})
	eventually(t, "the new subject's document is a post", func() bool { return slices.Contains(common.texts(t, "other"), "news") })
}
