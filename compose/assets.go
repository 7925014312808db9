package compose

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/motacilla-live/motacilla/route"
)

//go:embed static
var static embed.FS

// assets are the files of the program. Their names have a hash of what is in them, so that they may be cached for ever. The licences
// also have their plain name, which the program says.
type assets struct {
	files  map[string]asset
	hashed map[string]string // plain name to hashed
}

type asset struct {
	body      []byte
	mediaType string
	cache     string
	tag       string
}

func newAssets() *assets {
	a := &assets{files: map[string]asset{}, hashed: map[string]string{}}
	for name, mediaType := range map[string]string{
		"desk.js": "text/javascript; charset=utf-8", "desk.css": "text/css; charset=utf-8", "LICENSES.txt": "text/plain; charset=utf-8",
	} {
		body, _ := static.ReadFile("static/" + name) // a test looks for what is not there
		sum := sha256.Sum256(body)
		hash := hex.EncodeToString(sum[:6])
		f := asset{body, mediaType, "public, max-age=31536000, immutable", `"` + hash + `"`}
		ext := path.Ext(name)
		a.hashed[name] = strings.TrimSuffix(name, ext) + "." + hash + ext
		if ext == ".txt" {
			a.hashed[name], f.cache = name, "public, max-age=300"
		}
		a.files[a.hashed[name]] = f
	}
	return a
}

func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	if !route.Allow(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	f, ok := a.files[r.PathValue("file")]
	if !ok {
		route.WriteProblem(w, route.Problem{Status: http.StatusNotFound, Detail: "there is no such file"})
		return
	}
	h := w.Header()
	h.Set("ETag", f.tag)
	h.Set("Cache-Control", f.cache)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if route.Unchanged(r, f.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.mediaType)
	h.Set("Content-Length", strconv.Itoa(len(f.body)))
	_, _ = w.Write(f.body)
}
