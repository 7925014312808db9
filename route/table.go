package route

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Table mounts routes and reverses their names. Add everything first; then it serves and reverses, from many
// goroutines.
type Table struct {
	// NotFound answers what no route matches; nil answers with a 404 problem. Set it before the first request.
	NotFound http.HandlerFunc

	mux    *http.ServeMux
	added  []Route
	routes map[string]mounted // by name
	owners map[string]string  // by pattern, wildcards unnamed
}

type mounted struct {
	pattern string // with its last slash
	owner   string
}

// NewTable returns an empty table, which answers every request with a 404 problem.
func NewTable() *Table {
	t := &Table{mux: http.NewServeMux(), routes: map[string]mounted{}, owners: map[string]string{}}
	t.mux.HandleFunc("/", t.notFound)
	return t
}

// Add mounts routes, those with a relative pattern below base. owner, such as `publisher "sse"`, names whose they are in
// errors: a pattern that can't be parsed, and a pattern or name that two claim, which names both.
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
		return fmt.Errorf("%s: the path %q must be a path without a method, a query, dots or an empty part", owner, pattern)
	}
	pattern = strings.TrimRight(pattern, "/")
	if strings.Contains(pattern, "...}") || strings.Contains(pattern, "{$}") {
		return fmt.Errorf("%s: the path %q must not have {name...} or {$}", owner, pattern)
	}
	if other, taken := t.routes[rt.Name]; taken && rt.Name != "" {
		return fmt.Errorf("%s and %s both claim the route name %q", other.owner, owner, rt.Name)
	}
	shape := unnamed(pattern)
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

// Routes returns what was added, in that order, with patterns that are absolute and end in a slash.
func (t *Table) Routes() []Route { return slices.Clone(t.added) }

// ServeHTTP serves what was added. A path with empty or dot segments is not there, where ServeMux would redirect to the
// path without them; nor is one that ends in an escaped slash, which ServeMux would take for one that ends in a slash.
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

// clean reports whether p begins with a slash and has no empty or dot segments; a last slash is fine.
func clean(p string) bool {
	return p == "/" || p != "//" && strings.HasPrefix(p, "/") && path.Clean(p) == strings.TrimSuffix(p, "/")
}

// URL reverses a name into an absolute path, params standing for the pattern's wildcards in their order:
// URL("long-polling", "match-42").
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

func unnamed(pattern string) string {
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, "{") {
			parts[i] = "{}"
		} else if plain, err := url.PathUnescape(part); err == nil {
			parts[i] = url.PathEscape(plain) // as ServeMux compares them: %61 is a
		}
	}
	return strings.Join(parts, "/")
}

// overlap reports whether two shapes have paths in common while neither is the more specific one, which ServeMux takes
// for a conflict: /a/{} and /{}/b.
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
