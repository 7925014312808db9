package route

import (
	"net/http"
	"slices"
	"strings"

	"github.com/rs/cors"
)

// Origins is the list of other origins whose scripts may read. The server's own origin always may. "*" allows all
// origins, without credentials. The zero value and nil allow only the own origin.
type Origins struct {
	list []string
	any  bool
}

// NewOrigins returns a list of origins. Each is a scheme and host such as "https://www.example.org", or "*".
func NewOrigins(origins ...string) *Origins {
	list := make([]string, len(origins))
	for i, origin := range origins {
		list[i] = strings.ToLower(strings.TrimSuffix(origin, "/"))
	}
	return &Origins{list: list, any: slices.Contains(list, "*")}
}

// Allow reports whether a request to host with this Origin header may be answered. It may if origin is the server's own,
// which has that host, if the list has origin, or if the list has "*". An empty origin is not allowed.
func (o *Origins) Allow(origin, host string) bool {
	scheme, own, _ := strings.Cut(origin, "://")
	if (scheme == "http" || scheme == "https") && host != "" && strings.EqualFold(own, host) {
		return true
	}
	return o != nil && origin != "" && (o.any || o.lists(origin))
}

// Trusts reports whether a request to host with this Origin header may use the reader's cookies. It may if origin is the
// server's own or if the list has it. "*" is not enough.
func (o *Origins) Trusts(origin, host string) bool {
	var own *Origins
	return own.Allow(origin, host) || o != nil && origin != "" && o.lists(origin)
}

func (o *Origins) lists(origin string) bool { return slices.Contains(o.list, strings.ToLower(origin)) }

// CORS returns h with the headers and preflight answers of cross-origin resource sharing (WHATWG Fetch) for the list.
func (o *Origins) CORS(h http.Handler) http.Handler {
	if o == nil || len(o.list) == 0 {
		return h
	}
	options := cors.Options{
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost},
		AllowedHeaders: []string{"Accept", "Authorization", "Cache-Control", "If-None-Match", "Last-Event-ID", "X-CSRFToken"},
		ExposedHeaders: []string{
			"ETag", "Last-Update-At", "Retry-After", "Stream-Closed", "Stream-Cursor", "Stream-Next-Offset", "Stream-Up-To-Date",
		},
		AllowCredentials: !o.any,
		MaxAge:           3600,
	}
	if o.any {
		options.AllowedOrigins = []string{"*"}
	} else {
		options.AllowOriginFunc = o.lists // AllowedOrigins would take "https://*.example.org" for a pattern
	}
	return cors.New(options).Handler(h)
}
