// Package coded has answers in codings: an update is compressed once for all readers that accept a coding.
package coded

import (
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/publisher"
)

// Format is a format with what it becomes in each coding. An encoding is empty if it would not be shorter.
type Format struct {
	plain   *publisher.Format
	codings []compress.Coding
	by      map[compress.Coding]*publisher.Format
}

// New returns the format of whole answers that are plain without a coding.
func New(plain *publisher.Format, codings []compress.Coding) *Format {
	f := &Format{plain: plain, codings: codings, by: make(map[compress.Coding]*publisher.Format)}
	for _, c := range codings {
		f.by[c] = &publisher.Format{Name: plain.Name + " " + string(c), Append: func(dst []byte, u *motacilla.Update) []byte {
			return append(dst, compress.Body(c, plain.Append(nil, u), compress.Soon)...)
		}}
	}
	return f
}

// Wanted returns the coding that the reader of a request likes best.
func (f *Format) Wanted(r *http.Request) compress.Coding {
	return compress.Choose(r.Header["Accept-Encoding"], f.codings)
}

// Encode returns d in the coding that is wanted, or without one, and in which it is. Updates of private channels are not
// compressed.
func (f *Format) Encode(d *publisher.Delta, wanted compress.Coding) ([]byte, compress.Coding) {
	if format := f.by[wanted]; format != nil && !d.Private() {
		if body := d.Encode(format); len(body) > 0 {
			return body, wanted
		}
	}
	return d.Encode(f.plain), compress.Identity
}

// Mark adds the headers of an answer whose body is in a coding. Short bodies are the same for everyone: then a cache needs to
// keep one only.
func (f *Format) Mark(h http.Header, body []byte, in compress.Coding) { Mark(h, body, in, f.codings) }

// Mark is [Format.Mark] for a body of another kind.
func Mark(h http.Header, body []byte, in compress.Coding, codings []compress.Coding) {
	if in != compress.Identity {
		h.Set("Content-Encoding", string(in))
	}
	if in != compress.Identity || len(body) >= compress.Least && len(codings) > 0 {
		h.Add("Vary", "Accept-Encoding")
	}
}
