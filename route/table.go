package route

import (
	"errors"
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

	base   string
	mux    *http.ServeMux
	added  []Route
	routes map[string]mounted // by name
	paths  []claim
	rest   *Route // answers every path that no other route matches

	folders bool // a path has a wildcard for the rest
}

type mounted struct {
	pattern string // with its last slash
	owner   string
}

// claim is a path that a route answers, as the mux knows it.
type claim struct {
	shape shape
	path  string
	owner string
}

// NewTable returns an empty table.
func NewTable() *Table {
	t := &Table{mux: http.NewServeMux(), routes: map[string]mounted{}}
	t.mux.HandleFunc("/", t.others)
	return t
}

// NewTableBelow returns an empty table that mounts all routes below base, such as /news/live. It serves a request with
// that path and without it, so that it does not matter whether a proxy in front removes it. URLs have it. The error says
// what is wrong with base; an empty base is the root of the server.
func NewTableBelow(base string) (*Table, error) {
	if err := CheckBase(base); err != nil {
		return nil, err
	}
	t := NewTable()
	t.base = base
	return t, nil
}

// CheckBase returns an error that says what base must be if it is not empty and not a path such as /news/live.
func CheckBase(base string) error {
	if base == "" || clean(base) && !strings.HasSuffix(base, "/") && plainPath(base) {
		return nil
	}
	return errors.New("must be a path such as /news/live: no slash at its end, and only A-Z a-z 0-9 - . _ ~ between single slashes")
}

func plainPath(p string) bool {
	return !strings.ContainsFunc(p, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("/-._~", c)
	})
}

// Add mounts routes, those with a relative pattern below under. owner, such as `publisher "sse"`, names the routes' owner in
// errors. A route without a handler is an error, and so is a pattern that can't be parsed. If two routes have the same
// name or pattern, or patterns that overlap, the error names the owners of both.
func (t *Table) Add(owner, under string, routes ...Route) error {
	for _, rt := range routes {
		if err := t.add(owner, under, rt); err != nil {
			return err
		}
	}
	return nil
}

func (t *Table) add(owner, under string, rt Route) (err error) {
	pattern := rt.Pattern
	if !strings.HasPrefix(pattern, "/") {
		pattern = strings.TrimRight(under, "/") + "/" + pattern
	}
	if rt.Handler == nil {
		return fmt.Errorf("%s: route %q has no handler", owner, pattern)
	}
	if strings.ContainsAny(pattern, " \t?#") || !clean(pattern) {
		return fmt.Errorf("%s: the path %q must have no method, no query, no part . or .., and no empty part", owner, pattern)
	}
	if strings.Contains(pattern, "{$}") {
		return fmt.Errorf("%s: the path %q must not have {$}", owner, pattern)
	}
	pattern = strings.TrimRight(pattern, "/")
	if other, taken := t.routes[rt.Name]; taken && rt.Name != "" {
		return fmt.Errorf("%s and %s both claim the route name %q", other.owner, owner, rt.Name)
	}
	defer func() {
		if p := recover(); p != nil { // ServeMux panics on patterns that it can't parse
			err = fmt.Errorf("%s: the path %s/ can't be mounted: %v", owner, pattern, p)
		}
	}()
	err = t.handle(owner, pattern, rt)
	if err == nil && t.base != "" {
		err = t.handle(owner, t.base+pattern, rt)
	}
	switch {
	case err != nil && t.base != "":
		return fmt.Errorf("%w; the base path is %s", err, t.base)
	case err != nil:
		return err
	}
	rt.Pattern = t.base + pattern
	if !remainder(pattern) {
		rt.Pattern += "/"
	}
	t.added = append(t.added, rt)
	if rt.Name != "" {
		t.routes[rt.Name] = mounted{rt.Pattern, owner}
	}
	return nil
}

// handle gives the mux a path, unless another route claims it.
func (t *Table) handle(owner, path string, rt Route) error {
	shape := shapeOf(path)
	for _, other := range t.paths {
		switch {
		case slices.Equal(shape, other.shape):
			return fmt.Errorf("%s and %s both claim the path %s", other.owner, owner, shown(path))
		case overlap(shape, other.shape):
			return fmt.Errorf("%s and %s claim paths that overlap: %s and %s", other.owner, owner, shown(other.path), shown(path))
		}
	}
	switch {
	case len(shape) == 1 && shape[0] == rest: // the mux has others at this path
		rt.Pattern = path
		t.rest = &rt
	case remainder(path):
		t.mux.Handle(path, rt.Handler)
		t.folders = true
	default:
		if path != "" {
			t.mux.Handle(path, rt.Handler)
		}
		t.mux.Handle(path+"/{$}", rt.Handler)
	}
	t.paths = append(t.paths, claim{shape, path, owner})
	return nil
}

// remainder reports whether pattern ends in a wildcard for the rest of the path, such as {file...}.
func remainder(pattern string) bool { return strings.HasSuffix(pattern, "...}") }

// shown returns a path as an error shows it.
func shown(path string) string {
	if remainder(path) {
		return path
	}
	return path + "/"
}

// Base returns the path below which the routes are mounted: "" for the root of the server, or such as /news/live.
func (t *Table) Base() string { return t.base }

// Routes returns the routes in the order in which they were added. Their patterns are absolute, have the base path, and end
// in a slash or in a wildcard for the rest of the path.
func (t *Table) Routes() []Route { return slices.Clone(t.added) }

// ServeHTTP serves the routes. An empty path is /: http.StripPrefix leaves it of a path that is the prefix. A path with empty
// or dot segments is not found; ServeMux would redirect to the path without them. A path that ends in an escaped slash is not
// found; ServeMux would take it for a path that ends in a slash.
func (t *Table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "" {
		root := r.WithContext(r.Context())
		root.URL = &url.URL{Path: "/", RawQuery: r.URL.RawQuery}
		t.ServeHTTP(w, root)
		r.Pattern = root.Pattern
		return
	}
	escaped := r.URL.EscapedPath()
	if r.RequestURI != "*" && (!clean(escaped) || strings.HasSuffix(strings.ToLower(escaped), "/%2f")) {
		t.notFound(w, r)
		return
	}
	if t.folders && !strings.HasSuffix(escaped, "/") && t.redirected(w, r, escaped) {
		return
	}
	t.mux.ServeHTTP(w, r)
}

// redirected leads to a folder's path with its slash. ServeMux does so too, but by a path that lacks what a proxy removed.
func (t *Table) redirected(w http.ResponseWriter, r *http.Request, escaped string) bool {
	_, pattern := t.mux.Handler(r)
	if !remainder(pattern) || strings.Count(pattern, "/") != strings.Count(escaped, "/")+1 {
		return false
	}
	toFolder(w, r)
	return true
}

// toFolder leads to the path of the request with a slash at its end. The Location is relative, because a proxy may have
// removed the beginning of the path.
func toFolder(w http.ResponseWriter, r *http.Request) {
	to := "./" + path.Base(r.URL.EscapedPath()) + "/"
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// others answers the paths that have no route of their own.
func (t *Table) others(w http.ResponseWriter, r *http.Request) {
	if t.rest == nil {
		t.notFound(w, r)
		return
	}
	r.Pattern = t.rest.Pattern
	r.SetPathValue(strings.TrimSuffix(t.rest.Pattern[len("/{"):], "...}"), strings.TrimPrefix(r.URL.Path, "/"))
	t.rest.Handler.ServeHTTP(w, r)
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
// URL("long-polling", "match-42"). The value of a wildcard for the rest of the path may have slashes. URL returns an error
// if there is no such route, if the number of params is not that of the wildcards, or if one of them is empty, "." or "..".
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
		p := params[0]
		switch {
		case remainder(part) && clean("/"+p):
			parts[i] = (&url.URL{Path: p}).EscapedPath()
		case remainder(part), p == "", p == ".", p == "..":
			return "", fmt.Errorf("route %q: %q can't stand in a path", name, p)
		default:
			parts[i] = url.PathEscape(p)
		}
		params = params[1:]
	}
	if len(params) > 0 {
		return "", fmt.Errorf("route %q: too many parameters for %s", name, rt.pattern)
	}
	return strings.Join(parts, "/"), nil
}
