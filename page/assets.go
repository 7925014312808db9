package page

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/motacilla-live/motacilla/route"
)

//go:embed static/*.js static/*.d.ts static/style.css static/icon.svg
var static embed.FS

// assets are the files of pages. Each has two names. The name with the hash of its content may be cached for ever. The
// plain name never changes and may be cached for plainAge: pages of other sites import the client and the custom element
// by it.
type assets struct {
	files  map[string]asset
	hashed map[string]string // plain name to hashed
}

// plainAge is for how many seconds a file with a plain name may be cached.
const plainAge = 300

type asset struct {
	body      []byte
	mediaType string
	tag       string
	immutable bool
}

func newAssets() *assets {
	a := &assets{files: map[string]asset{}, hashed: map[string]string{}}
	entries, _ := static.ReadDir("static") // an embedded folder can be read
	for _, e := range entries {
		body, _ := static.ReadFile("static/" + e.Name())
		a.add(e.Name(), body)
	}
	return a
}

func (a *assets) add(name string, body []byte) {
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:6])
	ext := path.Ext(name)
	hashed := strings.TrimSuffix(name, ext) + "." + hash + ext
	mediaType := mime.TypeByExtension(ext)
	switch ext { // the system's table may have other types
	case ".js":
		mediaType = "text/javascript; charset=utf-8"
	case ".css":
		mediaType = "text/css; charset=utf-8"
	case ".json":
		mediaType = "application/json"
	case ".ts": // types; the table says video
		mediaType = "application/typescript; charset=utf-8"
	case ".woff2":
		mediaType = "font/woff2"
	}
	if mediaType == "" { // a browser must not guess
		mediaType = "application/octet-stream"
	}
	plain := asset{body: body, mediaType: mediaType, tag: `"` + hash + `"`}
	a.files[name] = plain
	plain.immutable = true
	a.files[hashed] = plain
	a.hashed[name] = hashed
}

// url returns the URL of a file that may be cached for ever.
func (a *assets) url(name string) (string, error) {
	hashed, ok := a.hashed[name]
	if !ok {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	return "/assets/" + hashed, nil
}

func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*") // pages of other sites import modules, and ask which languages there are
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	f, ok := a.files[r.PathValue("file")]
	if !ok {
		route.WriteProblem(w, route.Problem{Status: http.StatusNotFound, Detail: "there is no such asset"})
		return
	}
	h.Set("ETag", f.tag)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(plainAge))
	if f.immutable {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if route.Unchanged(r, f.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.mediaType)
	h.Set("Content-Length", strconv.Itoa(len(f.body)))
	_, _ = w.Write(f.body)
}

// fingerprint returns a short hash of parts.
func fingerprint(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		sum.Write([]byte(part))
		sum.Write([]byte{0})
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
}
