package polling

import (
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/publisher"
)

// coded is a format with what it becomes in each coding. An encoding is empty if it would not be shorter.
type coded struct {
	plain *publisher.Format
	by    map[compress.Coding]*publisher.Format
}

func newCoded(plain *publisher.Format, codings []compress.Coding) *coded {
	f := &coded{plain: plain, by: make(map[compress.Coding]*publisher.Format)}
	for _, c := range codings {
		f.by[c] = &publisher.Format{Name: plain.Name + " " + string(c), Append: func(dst []byte, u *motacilla.Update) []byte {
			return append(dst, compress.Body(c, plain.Append(nil, u), compress.Soon)...)
		}}
	}
	return f
}

// encode returns d in the coding that is wanted, or without one, and in which it is. Updates of private channels are not
// compressed.
func (f *coded) encode(d *publisher.Delta, wanted compress.Coding) ([]byte, compress.Coding) {
	if format := f.by[wanted]; format != nil && !d.Private() {
		if body := d.Encode(format); len(body) > 0 {
			return body, wanted
		}
	}
	return d.Encode(f.plain), compress.Identity
}

// codings are those that the feed's options allow.
func (m *Mixin) codings() []compress.Coding {
	m.known.Do(func() { m.allowed = compress.Known(m.Feed.Options().Compression) })
	return m.allowed
}

// wanted returns the coding that the reader of a request likes best.
func (m *Mixin) wanted(r *http.Request) compress.Coding {
	return compress.Choose(r.Header["Accept-Encoding"], m.codings())
}

// mark adds the headers of an answer whose body is in a coding. Short bodies are the same for everyone: then a cache needs to
// keep one only.
func (m *Mixin) mark(h http.Header, body []byte, in compress.Coding) {
	if in != compress.Identity {
		h.Set("Content-Encoding", string(in))
	}
	if in != compress.Identity || len(body) >= compress.Least && len(m.codings()) > 0 {
		h.Add("Vary", "Accept-Encoding")
	}
}

// ofWindow returns what build makes of a window in the coding that is wanted, or without one, and in which it is. kind is a
// name for what build makes.
func (m *Mixin) ofWindow(
	w *publisher.Window, after motacilla.Revision, kind string, wanted compress.Coding, build func() []byte,
) ([]byte, compress.Coding) {
	if wanted != compress.Identity {
		short := w.Encode(kind+" "+string(wanted), after, func() []byte { return compress.Body(wanted, build(), compress.Soon) })
		if len(short) > 0 {
			return short, wanted
		}
	}
	return w.Encode(kind, after, build), compress.Identity
}

// forAll returns the coding if everybody may read the channel. What is private is not compressed.
func forAll(access motacilla.Access, wanted compress.Coding) compress.Coding {
	if access != motacilla.Public {
		return compress.Identity
	}
	return wanted
}
