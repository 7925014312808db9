package route

import (
	"net/http"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// Condition is an If-Match or If-None-Match header (RFC 9110, section 13.1). The zero Condition is a request without it.
type Condition struct {
	Sent bool // the request has the header
	any  bool
	tags []string // with their quotes and W/
}

// ConditionOf reads the header of that name. If it is malformed, the error is an ErrInvalid that names the header.
func ConditionOf(h http.Header, name string) (Condition, error) {
	values := h.Values(name)
	if len(values) == 0 {
		return Condition{}, nil
	}
	c, ok := parseCondition(strings.Join(values, ","))
	if !ok {
		return Condition{}, motacilla.Invalid(name, `must be * or a list of entity tags such as "1763890000456789"`)
	}
	return c, nil
}

// Any reports whether the condition is *, which holds for everything that exists.
func (c Condition) Any() bool { return c.any }

// Strong reports whether the condition names tag, as If-Match compares: a weak tag is never equal.
func (c Condition) Strong(tag string) bool {
	for _, t := range c.tags {
		if t == tag && !strings.HasPrefix(t, "W/") {
			return true
		}
	}
	return c.any
}

// Weak reports whether the condition names tag, as If-None-Match compares: W/ makes no difference.
func (c Condition) Weak(tag string) bool {
	tag = strings.TrimPrefix(tag, "W/")
	for _, t := range c.tags {
		if strings.TrimPrefix(t, "W/") == tag {
			return true
		}
	}
	return c.any
}

// Unchanged reports whether the request's If-None-Match names tag. The caller must then answer 304. A malformed header
// names nothing.
func Unchanged(r *http.Request, tag string) bool {
	c, err := ConditionOf(r.Header, "If-None-Match")
	return err == nil && c.Weak(tag)
}

func parseCondition(s string) (Condition, bool) {
	const space = " \t"
	c := Condition{Sent: true}
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
			return Condition{}, false
		}
		c.tags = append(c.tags, s[:n])
		s = strings.TrimLeft(s[n:], space)
		if s != "" && s[0] != ',' {
			return Condition{}, false
		}
	}
	return c, len(c.tags) > 0
}

// tagLength returns the length of the entity tag at the beginning of s, or 0 if there is none.
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
