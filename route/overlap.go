package route

import (
	"net/url"
	"strings"
)

// shape is the parts of a pattern with its wildcards unnamed. Patterns of one shape match the same paths.
type shape []string

const (
	one  = "{}"    // a wildcard for one part
	rest = "{...}" // a wildcard for all parts that follow, also for none
)

func shapeOf(pattern string) shape {
	parts := strings.Split(strings.TrimPrefix(pattern, "/"), "/")
	for i, part := range parts {
		switch {
		case remainder(part):
			parts[i] = rest
		case strings.HasPrefix(part, "{"):
			parts[i] = one
		default:
			if plain, err := url.PathUnescape(part); err == nil {
				parts[i] = url.PathEscape(plain) // ServeMux takes %61 for a
			}
		}
	}
	return parts
}

// overlap reports whether two different shapes have paths in common though neither is more specific, such as /a/{} and
// /{}/b. ServeMux panics on such a pair.
func overlap(a, b shape) bool { return a.meets(b) && !a.covers(b) && !b.covers(a) }

// open reports whether s ends in a wildcard for the rest, and returns the parts before it.
func (s shape) open() (parts shape, open bool) {
	if last := len(s) - 1; s[last] == rest {
		return s[:last], true
	}
	return s, false
}

// meets reports whether there is a path that both match.
func (s shape) meets(other shape) bool {
	a, aOpen := s.open()
	b, bOpen := other.open()
	if len(a) < len(b) && !aOpen || len(b) < len(a) && !bOpen {
		return false
	}
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] && a[i] != one && b[i] != one {
			return false
		}
	}
	return true
}

// covers reports whether s matches all paths that other matches.
func (s shape) covers(other shape) bool {
	a, aOpen := s.open()
	b, bOpen := other.open()
	if len(b) < len(a) || !aOpen && (bOpen || len(b) > len(a)) {
		return false
	}
	for i := range a {
		if a[i] != one && a[i] != b[i] {
			return false
		}
	}
	return true
}
