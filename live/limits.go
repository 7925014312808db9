package live

import (
	"net/http"

	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/route"
)

// limit makes the limit on requests per address. The routes for whoever runs the server are not put behind it.
func (l *Live) limit() error {
	if l.options.RequestsPerAddress == 0 {
		l.limited = func(h http.Handler) http.Handler { return h }
		return nil
	}
	// Without CORS headers a script of another site sees neither the status nor Retry-After of a refusal. A refused preflight
	// gets none: they would allow the request that follows.
	open := l.Origins.CORS(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	limit := route.NewRateLimit(l.options.RequestsPerAddress, &route.RateLimitOptions{
		Address: l.Proxies.ClientAddr,
		Free:    publisher.Resumes, // no reader has asked: an upgrade must not refuse open connections
		Refuse: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Method != http.MethodOptions {
				open.ServeHTTP(w, r)
			}
			route.WriteError(w, r, err)
			r.Pattern = "" // the metrics count it for no route, as limits of readers are counted for theirs
		},
	})
	l.limited = limit.Handler
	return l.metrics.refused(limit)
}
