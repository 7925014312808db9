package route

import (
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// Files returns a handler that serves the files of fsys, for a pattern that ends in a wildcard for the rest of the path:
//
//	route.Route{Name: "static", Pattern: "/static/{file...}", Handler: route.Files(os.DirFS("static"), "")}
//
// A path that names a folder is answered with the folder's index.html. If the path has no slash at its end, the answer
// redirects to the path that has one, so that relative links in the file are right. If there is no such file, the answer is
// the file that fallback names, as the router of a single-page app needs it, or a 404 problem if fallback is empty. Folders
// are not listed, and files whose name or folder begins with a dot are not served.
func Files(fsys fs.FS, fallback string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !Allow(w, r, http.MethodGet, http.MethodHead) {
			return
		}
		asked := lastValue(r)
		name, ok := find(fsys, asked)
		if ok && asked != "" && name != asked && !strings.HasSuffix(asked, "/") {
			toFolder(w, r)
			return
		}
		if !ok && fallback != "" {
			name, ok = fallback, true
		}
		if !ok {
			WriteProblem(w, Problem{Status: http.StatusNotFound, Detail: "there is no such file"})
			return
		}
		w.Header().Set("Cache-Control", "no-cache") // the name does not change if the file does
		serveFile(w, r, fsys, name)
	})
}

// lastValue returns the value of the wildcard at the end of the request's pattern.
func lastValue(r *http.Request) string {
	wildcard := path.Base(r.Pattern)
	return r.PathValue(strings.TrimSuffix(strings.TrimPrefix(wildcard, "{"), "...}"))
}

// find returns the name of the file at p.
func find(fsys fs.FS, p string) (name string, ok bool) {
	name = strings.TrimSuffix(p, "/")
	if name == "" {
		name = "."
	}
	if !fs.ValidPath(name) || hidden(name) {
		return "", false
	}
	info, err := fs.Stat(fsys, name)
	if err == nil && info.IsDir() {
		name = path.Join(name, "index.html")
		info, err = fs.Stat(fsys, name)
	}
	return name, err == nil && info.Mode().IsRegular()
}

func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part != "." && strings.HasPrefix(part, ".") {
			return true
		}
	}
	return false
}

// serveFile serves a file under its own type, whatever the path of the request. http.ServeFileFS would redirect a path
// that ends in /index.html.
func serveFile(w http.ResponseWriter, r *http.Request, fsys fs.FS, name string) {
	f, err := http.FS(fsys).Open(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			WriteProblem(w, Problem{Status: http.StatusNotFound, Detail: "there is no such file"})
			return
		}
		WriteProblem(w, Problem{Status: http.StatusInternalServerError})
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		WriteProblem(w, Problem{Status: http.StatusInternalServerError})
		return
	}
	http.ServeContent(w, r, name, info.ModTime(), f)
}
