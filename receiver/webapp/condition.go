package webapp

import (
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// etag is the strong validator of a revision (RFC 9110, section 8.8.3).
func etag(r motacilla.Revision) string { return `"` + r.String() + `"` }

// condition is an If-Match or If-None-Match header (RFC 9110, section 13.1).
type condition struct {
	there bool
	any   bool
	tags  []string // as they were sent, with quotes and W/
}

// conditionOf reads the header of that name; a malformed one is an ErrInvalid.
func conditionOf(h http.Header, name string) (condition, error) {
	values := h.Values(name)
	if len(values) == 0 {
		return condition{}, nil
	}
	c, ok := parseCondition(strings.Join(values, ","))
	if !ok {
		return condition{}, motacilla.Invalid(name, `must be * or a list of entity tags such as "1763890000456789"`)
	}
	return c, nil
}

func parseCondition(s string) (condition, bool) {
	const space = " \t"
	c := condition{there: true}
	s = strings.Trim(s, space)
	if s == "*" {
		c.any = true
		return c, true
	}
	for s != "" {
		if s[0] == ',' { // a list may have empty elements (RFC 9110, section 5.6.1)
			s = strings.Trim(s[1:], space)
			continue
		}
		n := tagLength(s)
		if n == 0 {
			return condition{}, false
		}
		c.tags = append(c.tags, s[:n])
		s = strings.TrimLeft(s[n:], space)
		if s != "" && s[0] != ',' {
			return condition{}, false
		}
	}
	return c, len(c.tags) > 0
}

// tagLength is the length of the entity tag at the beginning of s, 0 where there is none.
func tagLength(s string) int {
	start := 0
	if strings.HasPrefix(s, "W/") {
		start = 2
	}
	if len(s) <= start || s[start] != '"' {
		return 0
	}
	for i := start + 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1
		case c < 0x21 || c == 0x7f:
			return 0
		}
	}
	return 0
}

// strong reports whether one of the tags is r's: a weak one never is.
func (c condition) strong(r motacilla.Revision) bool {
	for _, tag := range c.tags {
		if tag == etag(r) {
			return true
		}
	}
	return c.any
}

// weak reports whether one of the tags stands for r, as If-None-Match compares.
func (c condition) weak(r motacilla.Revision) bool {
	for _, tag := range c.tags {
		if strings.TrimPrefix(tag, "W/") == etag(r) {
			return true
		}
	}
	return c.any
}

// check is the precondition of a write: a 412 where there is one that p does not meet.
func (c condition) check(p motacilla.Post) error {
	if !c.there || c.strong(p.Revision) {
		return nil
	}
	return &refusal{route.Problem{Status: http.StatusPreconditionFailed, Field: "If-Match",
		Detail: "the post has changed: its ETag is " + etag(p.Revision)}}
}
