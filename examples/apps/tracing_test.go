package apps

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/live/tracing"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/sse"
	ws "github.com/motacilla-live/motacilla/publisher/websocket"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/receiver/webapp"
	"github.com/motacilla-live/motacilla/storage"
	"github.com/motacilla-live/motacilla/storage/memory"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// traced is a live site behind OpenTelemetry's middleware. The middleware and the store's calls have one tracer.
type traced struct {
	*testing.T
	url   string
	spans *tracetest.SpanRecorder
}

// refusing is a store that takes no posts on the channel "full".
type refusing struct{ storage.Store }

func (s refusing) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	if ch == "full" {
		return motacilla.Post{}, motacilla.ErrUnavailable
	}
	return s.Store.PutPost(ctx, ch, p, replaces)
}

func serveTraced(t *testing.T) *traced {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	store := memory.New(nil)
	for _, id := range []motacilla.ChannelID{"match", "full"} {
		if _, err := store.PutChannel(t.Context(), motacilla.Channel{ID: id}, 0); err != nil {
			t.Fatal(err)
		}
	}
	l, err := live.New(live.Options{
		Store: refusing{store}, Token: "secret", BasePath: "/live",
		Publishers: func(p *live.Parts) []publisher.Publisher {
			return []publisher.Publisher{sse.New(p.Feed, nil), ws.New(p.Feed, nil)}
		},
		Receivers: func(p *live.Parts) []receiver.Receiver {
			return []receiver.Receiver{webapp.New(p.Sink(), p.Authorize, nil)}
		},
		Tracer: tracing.OpenTelemetry(provider.Tracer("test")),
	})
	if err == nil {
		err = l.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(otelhttp.NewHandler(l, "request", otelhttp.WithTracerProvider(provider)))
	t.Cleanup(func() {
		err := l.Drain(context.Background())
		server.Close()
		if err := errors.Join(err, l.Shutdown(context.Background()), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return &traced{t, server.URL + "/live", spans}
}

// post writes by the REST interface and returns the status.
func (s *traced) post(channel string) int {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.url+"/api/channels/"+channel+"/posts",
		strings.NewReader(`{"text":"Goal!"}`))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer secret")
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// TestSpansOfTheStore: a call of the store is a child of the request's span. It is an error only if the store failed.
func TestSpansOfTheStore(t *testing.T) {
	s := serveTraced(t)
	for channel, want := range map[string]int{"match": http.StatusCreated, "none": http.StatusNotFound, "full": http.StatusServiceUnavailable} {
		if got := s.post(channel); got != want {
			t.Errorf("%s: %d, want %d", channel, got, want)
		}
	}
	requests := map[string]sdktrace.ReadOnlySpan{} // by the span's ID
	for _, span := range s.spans.Started() {
		if span.SpanKind() == trace.SpanKindServer {
			requests[span.SpanContext().SpanID().String()] = span
		}
	}
	for channel, want := range map[string]struct {
		status codes.Code
		events int // recorded errors
	}{"match": {codes.Unset, 0}, "none": {codes.Unset, 1}, "full": {codes.Error, 1}} {
		all := s.spans.Ended()
		i := slices.IndexFunc(all, func(span sdktrace.ReadOnlySpan) bool {
			return span.Name() == "motacilla.store/PutPost" &&
				slices.Contains(span.Attributes(), attribute.String("motacilla.channel", channel))
		})
		if i < 0 {
			t.Errorf("%s: no span", channel)
			continue
		}
		span := all[i]
		request := requests[span.Parent().SpanID().String()]
		if request == nil || request.SpanContext().TraceID() != span.SpanContext().TraceID() {
			t.Errorf("%s: the span is no child of a request", channel)
		}
		if span.Status().Code != want.status || len(span.Events()) != want.events {
			t.Errorf("%s: status %v and %d errors, want %v and %d", channel, span.Status(), len(span.Events()), want.status, want.events)
		}
	}
}

// TestStreamsBehindOpenTelemetry: updates come at once through its middleware.
func TestStreamsBehindOpenTelemetry(t *testing.T) {
	s := serveTraced(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/live/sse/match/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	conn, answer, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(s.url, "http")+"/live/websocket/match/", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = answer.Body.Close()
	if resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s %q", resp.Status, resp.Header.Get("Content-Type"))
	}
	if _, _, err := conn.ReadMessage(); err != nil { // the first update
		t.Fatal(err)
	}
	if got := s.post("match"); got != http.StatusCreated {
		t.Fatal(got)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && !strings.Contains(lines.Text(), "Goal!") {
	}
	if lines.Err() != nil {
		t.Error(lines.Err())
	}
	for {
		_, message, err := conn.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(message), "Goal!") {
			break
		}
	}
}
