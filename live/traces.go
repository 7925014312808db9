package live

import (
	"context"
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
)

// Traces follows posts through all nodes, from the request to the first delivery on each. All methods may be called from many
// goroutines at once, and must not block.
type Traces interface {
	// Request begins the span of a request to a receiver, as a child of the span that the request's headers name. route is its
	// pattern. It returns the span's context, and a function that ends the span with the status of the answer.
	Request(r *http.Request, route string) (context.Context, func(status int))
	// Call begins the span of a call of the store, as a [Tracer] does.
	Call(ctx context.Context, call string, ch motacilla.ChannelID) (context.Context, func(error))
	// Written is called when a call of the store has written a revision. ctx is that of the call's span.
	Written(ctx context.Context, ch motacilla.ChannelID, r motacilla.Revision)
	// Delivered is called when the first reader of a publisher on this node has got something new.
	Delivered(d publisher.Delivery)
}

// traced puts the handler of a receiver's route into a span.
func (l *Live) traced(rt route.Route) route.Route {
	traces, inner, pattern := l.options.Traces, rt.Handler, rt.Pattern
	if traces == nil || inner == nil {
		return rt
	}
	rt.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, end := traces.Request(r, pattern)
		answer := &tracedAnswer{ResponseWriter: w}
		defer func() { end(answer.status()) }()
		inner.ServeHTTP(answer, r.WithContext(ctx))
	})
	return rt
}

// tracedAnswer keeps the status of an answer.
type tracedAnswer struct {
	http.ResponseWriter
	written int
}

func (a *tracedAnswer) status() int {
	if a.written == 0 {
		return http.StatusOK
	}
	return a.written
}

// WriteHeader implements http.ResponseWriter.
func (a *tracedAnswer) WriteHeader(status int) {
	if a.written == 0 && status >= http.StatusOK {
		a.written = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (a *tracedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
