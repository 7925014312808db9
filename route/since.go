package route

import (
	"net/http"

	"github.com/motacilla-live/motacilla"
)

// Since returns the reader's cursor, from ?since, or 0 if there is none. The error is an ErrInvalid.
func Since(r *http.Request) (motacilla.Revision, error) {
	switch since := r.URL.Query()["since"]; len(since) {
	case 0:
		return 0, nil
	case 1:
		return motacilla.ParseRevision(since[0])
	default:
		return 0, motacilla.Invalid("since", "must be given once")
	}
}
