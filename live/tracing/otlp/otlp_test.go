package otlp_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
	"github.com/motacilla-live/motacilla/internal/leaktest"
	"github.com/motacilla-live/motacilla/internal/realserver"
	"github.com/motacilla-live/motacilla/live/tracing/otlp"
	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// node is a server, as the program of this module is one.
type node struct {
	*testing.T
	url   string
	store storage.Store
	stop  func()
}

func start(t *testing.T, yaml string) *node {
	t.Helper()
	n := &node{T: t}
	var server *app.Server
	in := &app.Input{YAML: []byte(yaml), Env: []string{}, Flags: map[string]string{
		"server.addr": "127.0.0.1:0", "server.token": "s3cret", "log.level": "error", "media.type": "none",
	}}
	a := app.New(standard.Module, otlp.Module, fx.Supply(in), fx.Populate(&server, &n.store))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.url = "http://" + server.Addr().String()
	stopped := false
	n.stop = func() {
		if !stopped {
			stopped = true
			if err := a.Stop(context.Background()); err != nil {
				t.Error(err)
			}
			http.DefaultClient.CloseIdleConnections()
		}
	}
	t.Cleanup(n.stop)
	return n
}

// cluster starts two nodes with one Redis, and a reader on each.
func cluster(t *testing.T, redis *realserver.Redis, prefix, tracing string) (a, b *node) {
	t.Helper()
	yaml := fmt.Sprintf("storage: {type: redis, url: %q, prefix: %s}\ntracing: {service: live, %s}", redis.URL(), prefix, tracing)
	a, b = start(t, yaml), start(t, yaml)
	if _, err := a.store.PutChannel(t.Context(), motacilla.Channel{ID: "match"}, 0); err != nil {
		t.Fatal(err)
	}
	for _, n := range []*node{a, b} {
		n.follow()
	}
	return a, b
}

// follow opens a stream and returns when its first event is there.
func (n *node) follow() {
	n.Helper()
	ctx, leave := context.WithCancel(n.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+"/live/sse/match/", nil)
	if err != nil {
		n.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.Fatal(err)
	}
	n.Cleanup(func() {
		leave()
		resp.Body.Close()
	})
	lines := bufio.NewReader(resp.Body)
	for line := ""; !strings.HasPrefix(line, "data: "); {
		if line, err = lines.ReadString('\n'); err != nil {
			n.Fatal(err)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
}

func (n *node) post(traceparent string, want int) {
	n.Helper()
	token := "s3cret"
	if want == http.StatusUnauthorized {
		token = "wrong"
	}
	req, err := http.NewRequestWithContext(n.Context(), http.MethodPost, n.url+"/api/channels/match/posts",
		bytes.NewReader([]byte(`{"text":"Goal"}`)))
	if err != nil {
		n.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	if traceparent != "" {
		req.Header.Set("traceparent", traceparent)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != want {
		n.Fatalf("%s %s, want %d", resp.Status, body, want)
	}
}

const (
	route    = "POST /api/channels/{channel_id}/posts"
	put      = "motacilla.store/PutPost"
	delivery = "motacilla.delivery"
)

// TestOneTrace: a post on one node is one trace, which the request names, up to the first delivery on both nodes.
func TestOneTrace(t *testing.T) {
	c, redis := newCollector(t), realserver.NewRedis(t)
	a, b := cluster(t, redis, "one:", fmt.Sprintf(`endpoint: %q, ratio: 0, headers: ["X-Key=k", "Authorization=Bearer x"]`, c.URL))
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	a.post("", http.StatusCreated) // ratio is 0
	a.post("00-11111111111111111111111111111111-"+parent+"-00", http.StatusCreated)
	began := time.Now()
	a.post("00-"+trace+"-"+parent+"-01", http.StatusCreated)
	deliveries := c.await(trace, delivery, 2)
	request, stored := c.await(trace, route, 1)[0], c.await(trace, put, 1)[0]
	if hex.EncodeToString(request.ParentSpanId) != parent || !bytes.Equal(stored.ParentSpanId, request.SpanId) {
		t.Errorf("the request has the parent %x, and the put %x; the request is %x", request.ParentSpanId, stored.ParentSpanId, request.SpanId)
	}
	if len(nodes(deliveries)) != 2 || len(deliveries) != 2 {
		t.Errorf("%d deliveries on the nodes %v, want one on each of two", len(deliveries), nodes(deliveries))
	}
	for _, d := range deliveries {
		from, to := time.Unix(0, int64(d.StartTimeUnixNano)), time.Unix(0, int64(d.EndTimeUnixNano))
		if !bytes.Equal(d.ParentSpanId, stored.SpanId) || text(d.Attributes, "motacilla.channel") != "match" ||
			text(d.Attributes, "motacilla.publisher") != "sse" || from.Before(began.Add(-time.Second)) || to.Before(from) ||
			to.After(time.Now().Add(time.Second)) {
			t.Errorf("delivery %v", d)
		}
	}
	b.post("00-"+trace+"-00f067aa0ba90000-01", http.StatusCreated)
	if all := c.await(trace, delivery, 4); len(nodes(all)) != 2 {
		t.Errorf("a post on the other node was delivered on %v", nodes(all))
	}
	a.stop() // what is left is sent
	b.stop()
	for _, s := range append(c.of("", route), c.of("", delivery)...) {
		if hex.EncodeToString(s.TraceId) != trace {
			t.Errorf("a trace that is not sampled has %v", s)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.headers.Get("X-Key") != "k" || c.headers.Get("Authorization") != "Bearer x" {
		t.Errorf("the collector got the headers %v", c.headers)
	}
}

// TestOwnTraces: with ignore_parents a request has a trace of its own, which is linked to that of its header. A request that is
// refused has no delivery. Reads that belong to no request have no span.
func TestOwnTraces(t *testing.T) {
	c := newCollector(t)
	n := start(t, fmt.Sprintf("storage: {type: memory}\ntracing: {service: live, endpoint: %q, ignore_parents: true}", c.URL))
	if _, err := n.store.PutChannel(t.Context(), motacilla.Channel{ID: "match"}, 0); err != nil {
		t.Fatal(err)
	}
	n.follow()
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	n.post("00-"+trace+"-00f067aa0ba902b7-01", http.StatusUnauthorized)
	n.post("00-"+trace+"-00f067aa0ba902b7-01", http.StatusCreated)
	d := c.await("", delivery, 1)[0]
	own := hex.EncodeToString(d.TraceId)
	request := c.await(own, route, 1)[0]
	if own == trace || len(request.Links) != 1 || hex.EncodeToString(request.Links[0].TraceId) != trace || len(request.ParentSpanId) > 0 {
		t.Errorf("request %v", request)
	}
	n.stop()
	if all := c.of("", route); len(all) != 2 {
		t.Errorf("%d requests have a span, want 2", len(all))
	}
	for _, name := range []string{"motacilla.store/Changes", "motacilla.store/Heads", "motacilla.store/Posts"} {
		if list := c.of("", name); len(list) > 0 {
			t.Errorf("a read for readers has a span: %v", list)
		}
	}
	if list := c.of("", delivery); len(list) != 1 {
		t.Errorf("%d deliveries, want 1", len(list))
	}
}

// TestCollectorIsAway: posts do not wait for a collector, and a server stops without it.
func TestCollectorIsAway(t *testing.T) {
	c := newCollector(t)
	away := c.URL
	c.Close()
	n := start(t, fmt.Sprintf("storage: {type: memory}\ntracing: {service: live, endpoint: %q}", away))
	if _, err := n.store.PutChannel(t.Context(), motacilla.Channel{ID: "match"}, 0); err != nil {
		t.Fatal(err)
	}
	n.follow()
	for range 20 {
		n.post("", http.StatusCreated)
	}
	n.stop()
}

// TestConfiguration: tracing is off until there is an endpoint, and a wrong key has an error that names it.
func TestConfiguration(t *testing.T) {
	schema, err := app.SchemaOf(standard.Module, otlp.Module)
	if err != nil {
		t.Fatal(err)
	}
	for yaml, want := range map[string]string{
		"": "none", "tracing: {ratio: 0.5}": "tracing.endpoint: must be set", "tracing: {type: none}": "none",
		"tracing: {endpoint: http://localhost:4318}":               "otlp",
		"tracing: {type: otlp, endpoint: http://localhost:4318}":   "otlp",
		"tracing: {type: otlp}":                                    "tracing.endpoint: must be set",
		"tracing: {endpoint: http://localhost:4318, ratio: 2}":     "tracing.ratio: must be 0 to 1",
		"tracing: {type: none, endpoint: 'http://localhost:4318'}": "tracing.endpoint: ",
	} {
		c, err := schema.Load(app.Input{YAML: []byte(yaml), Env: []string{}})
		if err == nil && c.Tracing.Type != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", yaml, err, want)
		}
	}
	starter, err := schema.Starter(map[string]string{"tracing.endpoint": "http://localhost:4318"})
	if err != nil || !strings.Contains(string(starter), "endpoint: http://localhost:4318") {
		t.Errorf("the starter file: %v\n%s", err, starter)
	}
	for yaml, want := range map[string]string{
		"tracing: {endpoint: localhost}":                                  "tracing (otlp): endpoint: must be an http or https URL",
		"tracing: {endpoint: 'http://x:1', headers: [secret]}":            "tracing (otlp): headers: must be names and values",
		"tracing: {endpoint: 'http://user:password@x:1', headers: [a=b]}": "tracing (otlp): endpoint: must be an http or https URL",
	} {
		err := app.Run(standard.Module, otlp.Module, fx.Supply(&app.Input{
			YAML: []byte(yaml), Env: []string{}, Flags: map[string]string{"storage.type": "memory", "media.type": "none"},
		}))
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "password") {
			t.Errorf("%s: error is %v, want %q", yaml, err, want)
		}
	}
}
