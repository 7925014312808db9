package live_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/storage"
)

type (
	requestKey struct{}
	spanKey    struct{}
)

// inSpan is a store whose posts must be written in the span of the call.
type inSpan struct {
	storage.Store
	*testing.T
}

func (s inSpan) PutPost(
	ctx context.Context, ch motacilla.ChannelID, p motacilla.Post, replaces motacilla.Revision,
) (motacilla.Post, error) {
	if ctx.Value(spanKey{}) != "PutPost" {
		s.Errorf("PutPost is in the span %v", ctx.Value(spanKey{}))
	}
	return s.Store.PutPost(ctx, ch, p, replaces)
}

// spans are what a Tracer was called for.
type spans struct {
	mu   sync.Mutex
	list []span
}

type span struct {
	call    string
	channel motacilla.ChannelID
	request any // what the request's context has
	err     error
}

func (s *spans) begin(ctx context.Context, call string, ch motacilla.ChannelID) (context.Context, func(error)) {
	return context.WithValue(ctx, spanKey{}, call), func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.list = append(s.list, span{call, ch, ctx.Value(requestKey{}), err})
	}
}

// of returns the spans of a request.
func (s *spans) of(request string) (list []span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sp := range s.list {
		if sp.request == request {
			list = append(list, sp)
		}
	}
	return list
}

// TestTracer: a call of the store that a request makes has the context of the request.
func TestTracer(t *testing.T) {
	t.Parallel()
	o := options(t)
	traced := &spans{}
	o.Store = inSpan{o.Store, t}
	o.Tracer = traced.begin
	s := start(t, o)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, r.URL.Path+" "+r.Method)))
	})
	do := func(method, path, body string, want int) {
		t.Helper()
		w := ask(h, method, base+path, body, "Authorization", "Bearer "+secret, "Content-Type", "application/json")
		if w.Code != want {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
	}
	do("GET", "/", "", 200)
	do("POST", "/api/channels/match/posts", `{"text":"traced"}`, 201)
	do("GET", "/api/channels/none", "", 404)
	for request, want := range map[string]span{
		base + "/ GET":                          {call: "Channels"},
		base + "/api/channels/match/posts POST": {call: "PutPost", channel: match},
		base + "/api/channels/none GET":         {call: "Channel", channel: "none", err: motacilla.ErrNotFound},
	} {
		list := traced.of(request)
		found := false
		for _, sp := range list {
			found = found || sp.call == want.call && sp.channel == want.channel && errors.Is(sp.err, want.err)
		}
		if !found {
			t.Errorf("%s: %+v, want %+v", request, list, want)
		}
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	traced.mu.Lock()
	defer traced.mu.Unlock()
	for _, sp := range traced.list {
		if strings.HasPrefix(sp.call, "Watch") {
			t.Errorf("%+v is a span that does not end", sp)
		}
	}
}
