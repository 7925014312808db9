package route

import (
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// Since returns the reader's cursor, from ?since, or 0 if there is none. The error is an ErrInvalid.
func Since(r *http.Request) (motacilla.Revision, error) {
	raw := r.URL.RawQuery
	if raw == "" {
		return 0, nil
	}
	if since, only := strings.CutPrefix(raw, "since="); only && !strings.ContainsAny(since, "&;%+") {
		return motacilla.ParseRevision(since) // as nearly all readers send it
	}
	switch since := r.URL.Query()["since"]; len(since) {
	case 0:
		return 0, nil
	case 1:
		return motacilla.ParseRevision(since[0])
	default:
		return 0, motacilla.Invalid("since", "must be given once")
	}
}
