package live

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/motacilla-live/motacilla/internal/compress"
)

// mostCompressed is how many bytes of compressed pages, lists and files are remembered.
const mostCompressed = 16 << 20

// compressor compresses whole answers, each once for all who get the same. Publishers compress their own.
type compressor struct {
	codings []compress.Coding
	cache   compress.Cache
}

func newCompressor(names []string) *compressor {
	return &compressor{codings: compress.Known(names), cache: compress.Cache{Most: mostCompressed}}
}

// around returns h with answers that are compressed.
func (c *compressor) around(h http.Handler) http.Handler {
	if len(c.codings) == 0 {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.ServeHTTP(w, r)
			return
		}
		a := &answer{ResponseWriter: w, from: c, coding: compress.Choose(r.Header["Accept-Encoding"], c.codings)}
		a.request = a.withoutSuffix(r)
		h.ServeHTTP(a, a.request)
		a.end() // not after a panic: then the answer is another one
	})
}

// answer is an answer that is compressed when it is whole, if it can be. Until then nothing of it is sent.
type answer struct {
	http.ResponseWriter
	from    *compressor
	request *http.Request
	coding  compress.Coding // that the client likes best
	known   bool            // the client has sent a tag of that coding
	begun   bool            // WriteHeader was called
	status  int             // of an answer that is kept back; 0 if it is not
	size    int             // of its body
	body    []byte          // what has come of it
}

// suffix is what tells the tag of a coding from that without one.
func (a *answer) suffix() string { return "-" + string(a.coding) + `"` }

// withoutSuffix returns the request with the tags that the handler knows.
func (a *answer) withoutSuffix(r *http.Request) *http.Request {
	tags := strings.Join(r.Header["If-None-Match"], ",")
	if a.coding == compress.Identity || !strings.Contains(tags, a.suffix()) {
		return r
	}
	a.known = true
	r = r.Clone(r.Context())
	r.Header.Set("If-None-Match", strings.ReplaceAll(tags, a.suffix(), `"`))
	return r
}

// tag gives a strong ETag its suffix: the same page in two codings is not the same bytes (RFC 9110, section 8.8.1).
func (a *answer) tag() {
	h := a.Header()
	if tag := h.Get("ETag"); strings.HasPrefix(tag, `"`) {
		h.Set("ETag", strings.TrimSuffix(tag, `"`)+a.suffix())
	}
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.begun || status < http.StatusOK {
		a.ResponseWriter.WriteHeader(status)
		return
	}
	a.begun = true
	h := a.Header()
	switch {
	case status == http.StatusNotModified && a.known:
		a.tag()
		h.Add("Vary", "Accept-Encoding")
	case status == http.StatusOK && mayBeCompressed(h) && mayShareBody(a.request, h):
		h.Add("Vary", "Accept-Encoding")
		if a.coding != compress.Identity {
			a.status = status
			a.size, _ = strconv.Atoi(h.Get("Content-Length"))
			return
		}
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (a *answer) Write(b []byte) (int, error) {
	if !a.begun {
		a.WriteHeader(http.StatusOK)
	}
	if a.status == 0 {
		return a.ResponseWriter.Write(b)
	}
	whole := b
	if len(a.body) > 0 || len(b) < a.size {
		a.body = append(a.body, b...)
		whole = a.body
	}
	if len(whole) < a.size {
		return len(b), nil
	}
	return len(b), a.send(whole)
}

// send sends the whole body, compressed if that makes it shorter.
func (a *answer) send(body []byte) error {
	h, status := a.Header(), a.status
	a.status, a.body = 0, nil
	if len(body) == a.size { // otherwise net/http says what is wrong
		if short := a.from.cache.Body(a.coding, body, effort(h)); short != nil {
			h.Set("Content-Encoding", string(a.coding))
			h.Set("Content-Length", strconv.Itoa(len(short)))
			a.tag()
			body = short
		}
	}
	a.ResponseWriter.WriteHeader(status)
	_, err := a.ResponseWriter.Write(body)
	return err
}

// end sends what was kept back, although it is not whole.
func (a *answer) end() {
	if a.status == 0 {
		return
	}
	status, body := a.status, a.body
	a.status, a.body = 0, nil
	a.ResponseWriter.WriteHeader(status)
	if len(body) > 0 {
		_, _ = a.ResponseWriter.Write(body)
	}
}

// FlushError sends what there is.
func (a *answer) FlushError() error {
	a.end()
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// mayBeCompressed reports whether an answer with these headers may become shorter.
func mayBeCompressed(h http.Header) bool {
	size, err := strconv.Atoi(h.Get("Content-Length"))
	if err != nil || size < compress.Least || h.Get("Content-Encoding") != "" || h.Get("Content-Range") != "" {
		return false
	}
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || strings.Contains(h.Get("Cache-Control"), "no-transform") {
		return false
	}
	switch kind {
	case "application/json", "application/javascript", "application/typescript", "application/xml", "image/svg+xml":
		return true
	}
	return strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "+xml")
}

// mayShareBody reports whether what is secret in an answer may be compressed together with the rest of it. The length of the answer
// tells whoever sees it on the network how much is repeated in it (BREACH). That is of use to somebody who chooses a part of the
// answer and has the reader's browser ask again and again. So an answer that not everybody may read is compressed only if the
// request has no permission that a browser adds by itself.
func mayShareBody(r *http.Request, h http.Header) bool {
	cache := h.Get("Cache-Control")
	if !strings.Contains(cache, "private") && !strings.Contains(cache, "no-store") {
		return true
	}
	if len(r.Header["Cookie"]) > 0 || r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		return false
	}
	permission := r.Header.Get("Authorization")
	return permission == "" || len(permission) > 7 && strings.EqualFold(permission[:7], "bearer ")
}

// effort returns how much time compressing may take: files are the same for long.
func effort(h http.Header) compress.Effort {
	if strings.HasPrefix(h.Get("Cache-Control"), "public, max-age=") {
		return compress.Well
	}
	return compress.Soon
}
