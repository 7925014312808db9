package polling

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// The parameters of the two protocols.
const (
	sinceParam      = "since"
	lastUpdateParam = "last_update_ts"
)

// LastUpdateFromRequest returns the revision of Wagtail Live's ?last_update_ts, which is seconds in decimal digits
// (get_last_update_client_from_request). The error is an ErrInvalid.
func (m *Mixin) LastUpdateFromRequest(r *http.Request) (motacilla.Revision, error) {
	q, err := parseQuery(r.URL.RawQuery)
	switch {
	case err != nil:
		return 0, err
	case !q.wagtail:
		return 0, motacilla.Invalid(lastUpdateParam, "must be given")
	}
	return q.cursor, nil
}

// SinceFromRequest returns the revision of ?since. If there is none, it is 0. The error is an ErrInvalid.
func (m *Mixin) SinceFromRequest(r *http.Request) (motacilla.Revision, error) {
	q, err := parseQuery(r.URL.RawQuery)
	switch {
	case err != nil:
		return 0, err
	case q.wagtail:
		return 0, motacilla.Invalid(sinceParam, "must be given, not last_update_ts")
	}
	return q.cursor, nil
}

// question is what a GET request asks for.
type question struct {
	wagtail bool // the parameter is ?last_update_ts, not ?since
	cursor  motacilla.Revision
}

// parseQuery reads the two parameters and ignores others. If there is an error, q.wagtail is right nevertheless.
func parseQuery(raw string) (q question, err error) {
	var since, last []string
	for pair := range strings.SplitSeq(raw, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if unescaped, err := url.QueryUnescape(key); err == nil {
			key = unescaped
		}
		if unescaped, err := url.QueryUnescape(value); err == nil {
			value = unescaped // otherwise it is not a number either
		}
		switch key {
		case sinceParam:
			since = append(since, value)
		case lastUpdateParam:
			last = append(last, value)
		}
	}
	q.wagtail = len(last) > 0
	switch {
	case len(since) > 0 && len(last) > 0:
		return q, motacilla.Invalid(sinceParam, "must not be given together with last_update_ts")
	case len(since) > 1:
		return q, motacilla.Invalid(sinceParam, "must be given once")
	case len(last) > 1:
		return q, motacilla.Invalid(lastUpdateParam, "must be given once")
	case len(since) == 1:
		q.cursor, err = motacilla.ParseRevision(since[0])
	case len(last) == 1:
		q.cursor, err = motacilla.ParseTimestamp(last[0])
	}
	return q, err
}
