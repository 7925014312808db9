package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/live"
	"github.com/motacilla-live/motacilla/route"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
)

// operations answers whoever runs the server.
type operations struct {
	site    *live.Live  // set before the first request
	serving atomic.Bool // readers are served
	admin   bool        // there is an admin listener
	metrics http.Handler
	log     *zap.Logger
}

func newOperations(c *Config, registry *prometheus.Registry, log *zap.Logger) *operations {
	return &operations{
		admin: c.Server.Admin != "", metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), log: log,
	}
}

// public returns the routes that are on the listener for readers. Load balancers and readers come by the same address, so
// the health checks are always there.
func (o *operations) public() []route.Route {
	all := o.own()
	if o.admin {
		all = slices.DeleteFunc(all, func(r route.Route) bool { return r.Name == "metrics" })
	}
	return all
}

// own returns all routes for operators.
func (o *operations) own() []route.Route {
	return []route.Route{
		{Name: "healthz", Pattern: "/healthz", Handler: get(o.healthy)},
		{Name: "readyz", Pattern: "/readyz", Handler: get(o.ready)},
		{Name: "metrics", Pattern: "/metrics", Handler: get(o.metrics.ServeHTTP)},
	}
}

func (o *operations) healthy(w http.ResponseWriter, _ *http.Request) {
	plainText(w, http.StatusOK, "ok")
}

func (o *operations) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	err := o.site.Ready(ctx)
	switch {
	case !o.serving.Load():
		plainText(w, http.StatusServiceUnavailable, "starting")
	case err == nil:
		plainText(w, http.StatusOK, "ready"+o.relays())
	case errors.Is(err, motacilla.ErrClosed):
		plainText(w, http.StatusServiceUnavailable, "draining")
	default:
		o.log.Warn("not ready", zap.Error(err))
		plainText(w, http.StatusServiceUnavailable, "the store does not answer")
	}
}

// relays returns a line for each relay whose hub takes no updates. Readers of this node do not depend on it, so the node is ready.
func (o *operations) relays() (lines string) {
	for _, s := range o.site.Relays() {
		if !s.Failing.IsZero() {
			lines += fmt.Sprintf("\nrelay %s: the hub takes no updates since %s; %d channels wait",
				s.Name, motacilla.FormatTime(s.Failing), s.Behind)
		}
	}
	return lines
}

func get(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if route.Allow(w, r, http.MethodGet, http.MethodHead) {
			h(w, r)
		}
	})
}

func plainText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}
