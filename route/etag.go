package route

import (
	"net/http"
	"strings"
)

// Unchanged reports whether the client has what tag stands for, by the request's If-None-Match, which compares weakly
// (RFC 9110, section 13.1.2): the answer is then 304. tag is an entity tag without a comma in it. A malformed header
// matches nothing.
func Unchanged(r *http.Request, tag string) bool {
	tag = strings.TrimPrefix(tag, "W/")
	for _, line := range r.Header.Values("If-None-Match") {
		for candidate := range strings.SplitSeq(line, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
				return true
			}
		}
	}
	return false
}
