package route

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Table mounts routes, and makes URLs from their names. Add all routes before the first request. After that, its methods
// may be called from many goroutines at once.
type Table struct {
	// NotFound answers requests that no route matches. nil answers with a 404 problem. Set it before the first request.
	NotFound http.HandlerFunc

	mux    *http.ServeMux
	added  []Route
	routes map[string]mounted // by name
	owners map[string]string  // by the pattern's shape
}

type mounted struct {
	pattern string // with its last slash
	owner   string
}

// NewTable returns an empty table.
func NewTable() *Table {
	t := &Table{mux: http.NewServeMux(), routes: map[string]mounted{}, owners: map[string]string{}}
	t.mux.HandleFunc("/", t.notFound)
	return t
}

// Add mounts routes, those with a relative pattern below base. owner, such as `publisher "sse"`, names the routes' owner in
// errors. A route without a handler is an error, and so is a pattern that can't be parsed. If two routes have the same
// name or pattern, or patterns that overlap, the error names the owners of both.
func (t *Table) Add(owner, base string, routes ...Route) error {
	for _, rt := range routes {
		if err := t.add(owner, base, rt); err != nil {
			return err
		}
	}
	return nil
}

func (t *Table) add(owner, base string, rt Route) (err error) {
	pattern := rt.Pattern
	if !strings.HasPrefix(pattern, "/") {
		pattern = strings.TrimRight(base, "/") + "/" + pattern
	}
	if rt.Handler == nil {
		return fmt.Errorf("%s: route %q has no handler", owner, pattern)
	}
	if strings.ContainsAny(pattern, " \t?#") || !clean(pattern) {
		return fmt.Errorf("%s: the path %q must have no method, no query, no part . or .., and no empty part", owner, pattern)
	}
	pattern = strings.TrimRight(pattern, "/")
	if strings.Contains(pattern, "...}") || strings.Contains(pattern, "{$}") {
		return fmt.Errorf("%s: the path %q must not have {name...} or {$}", owner, pattern)
	}
	if other, taken := t.routes[rt.Name]; taken && rt.Name != "" {
		return fmt.Errorf("%s and %s both claim the route name %q", other.owner, owner, rt.Name)
	}
	shape := shapeOf(pattern)
	if other, taken := t.owners[shape]; taken {
		return fmt.Errorf("%s and %s both claim the path %s/", other, owner, pattern)
	}
	for other, its := range t.owners {
		if overlap(shape, other) {
			return fmt.Errorf("%s and %s claim paths that overlap: %s/ and %s/", its, owner, other, pattern)
		}
	}
	defer func() {
		if p := recover(); p != nil { // ServeMux panics on patterns that it can't parse
			err = fmt.Errorf("%s: the path %s/ can't be mounted: %v", owner, pattern, p)
		}
	}()
	if pattern != "" {
		t.mux.Handle(pattern, rt.Handler)
	}
	t.mux.Handle(pattern+"/{$}", rt.Handler)
	t.owners[shape] = owner
	rt.Pattern = pattern + "/"
	t.added = append(t.added, rt)
	if rt.Name != "" {
		t.routes[rt.Name] = mounted{pattern + "/", owner}
	}
	return nil
}

// Routes returns the routes in the order in which they were added. Their patterns are absolute and end in a slash.
func (t *Table) Routes() []Route { return slices.Clone(t.added) }

// ServeHTTP serves the routes. A path with empty or dot segments is not found; ServeMux would redirect to the path
// without them. A path that ends in an escaped slash is not found; ServeMux would take it for a path that ends in a
// slash.
func (t *Table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	escaped := r.URL.EscapedPath()
	if r.RequestURI != "*" && (!clean(escaped) || strings.HasSuffix(strings.ToLower(escaped), "/%2f")) {
		t.notFound(w, r)
		return
	}
	t.mux.ServeHTTP(w, r)
}

func (t *Table) notFound(w http.ResponseWriter, r *http.Request) {
	if t.NotFound != nil {
		t.NotFound(w, r)
		return
	}
	WriteProblem(w, Problem{Status: http.StatusNotFound, Detail: "there is nothing at this path"})
}

// clean reports whether p begins with a slash and has no empty or dot segments. It may end in a slash.
func clean(p string) bool {
	return p == "/" || p != "//" && strings.HasPrefix(p, "/") && path.Clean(p) == strings.TrimSuffix(p, "/")
}

// URL returns the path of the route of that name, with params in the place of the pattern's wildcards:
// URL("long-polling", "match-42"). It returns an error if there is no such route, if the number of params is not that of
// the wildcards, or if one of them is empty, "." or "..".
func (t *Table) URL(name string, params ...string) (string, error) {
	rt, ok := t.routes[name]
	if !ok {
		return "", fmt.Errorf("no route is named %q", name)
	}
	parts := strings.Split(rt.pattern, "/")
	for i, part := range parts {
		if !strings.HasPrefix(part, "{") {
			continue
		}
		if len(params) == 0 {
			return "", fmt.Errorf("route %q: too few parameters for %s", name, rt.pattern)
		}
		if p := params[0]; p == "" || p == "." || p == ".." {
			return "", fmt.Errorf("route %q: %q can't stand in a path", name, p)
		}
		parts[i] = url.PathEscape(params[0])
		params = params[1:]
	}
	if len(params) > 0 {
		return "", fmt.Errorf("route %q: too many parameters for %s", name, rt.pattern)
	}
	return strings.Join(parts, "/"), nil
}

// shapeOf returns pattern with its wildcards unnamed. Patterns of one shape match the same paths.
func shapeOf(pattern string) string {
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, "{") {
			parts[i] = "{}"
		} else if plain, err := url.PathUnescape(part); err == nil {
			parts[i] = url.PathEscape(plain) // ServeMux takes %61 for a
		}
	}
	return strings.Join(parts, "/")
}

// overlap reports whether two shapes have paths in common though neither is more specific, such as /a/{} and /{}/b.
// ServeMux panics on such a pair.
func overlap(a, b string) bool {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	if len(as) != len(bs) {
		return false
	}
	var aWider, bWider bool
	for i := range as {
		switch {
		case as[i] == bs[i]:
		case as[i] == "{}":
			aWider = true
		case bs[i] == "{}":
			bWider = true
		default:
			return false
		}
	}
	return aWider && bWider
}
