package live

import (
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla/route"
)

// limit puts the table behind the limit on requests per address. The routes for whoever runs the server have no limit.
func (l *Live) limit() error {
	l.handler = l.table
	if l.options.RequestsPerAddress == 0 {
		return nil
	}
	// Without CORS headers a script of another site sees neither the status nor Retry-After of a refusal. A refused preflight
	// gets none: they would allow the request that follows.
	open := l.Origins.CORS(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	limit := route.NewRateLimit(l.options.RequestsPerAddress, &route.RateLimitOptions{
		Address: l.Proxies.ClientAddr,
		Refuse: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Method != http.MethodOptions {
				open.ServeHTTP(w, r)
			}
			route.WriteError(w, r, err)
		},
	})
	if err := l.metrics.refused(limit); err != nil {
		return err
	}
	free := map[string]bool{} // paths
	for _, rt := range l.has.Operations {
		free[rt.Pattern], free[l.options.BasePath+rt.Pattern] = true, true
	}
	behind := limit.Handler(l.table)
	l.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if free[strings.TrimSuffix(r.URL.Path, "/")] {
			l.table.ServeHTTP(w, r)
			return
		}
		behind.ServeHTTP(w, r)
	})
	return nil
}
