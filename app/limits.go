package app

import (
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla/route"
)

// limited puts h behind the limit on requests per address. Health checks and metrics have no limit.
func (s *Server) limited(h http.Handler) http.Handler {
	perSecond := s.config.Server.Limits.RequestsPerAddress
	if perSecond == 0 {
		return h
	}
	// Without CORS headers a script of another site sees neither the status nor Retry-After of a refusal. A refused preflight
	// gets none: they would allow the request that follows.
	open := s.access.origins.CORS(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	limit := route.NewRateLimit(perSecond, &route.RateLimitOptions{
		Address: s.access.proxies.ClientAddr,
		Refuse: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Method != http.MethodOptions {
				open.ServeHTTP(w, r)
			}
			route.WriteError(w, r, err)
		},
	})
	s.metrics.refused(limit)
	behind := limit.Handler(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch strings.TrimSuffix(r.URL.Path, "/") {
		case "/healthz", "/readyz", "/metrics":
			h.ServeHTTP(w, r)
		default:
			behind.ServeHTTP(w, r)
		}
	})
}
