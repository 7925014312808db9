package polling

import (
	"net/http"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/compress"
	"github.com/motacilla-live/motacilla/publisher"
	"github.com/motacilla-live/motacilla/publisher/internal/coded"
)

// codings are those that the feed's options allow.
func (m *Mixin) codings() []compress.Coding {
	m.known.Do(func() { m.allowed = compress.Known(m.Feed.Options().Compression) })
	return m.allowed
}

// wanted returns the coding that the reader of a request likes best.
func (m *Mixin) wanted(r *http.Request) compress.Coding {
	return compress.Choose(r.Header["Accept-Encoding"], m.codings())
}

// mark adds the headers of an answer whose body is in a coding.
func (m *Mixin) mark(h http.Header, body []byte, in compress.Coding) {
	coded.Mark(h, body, in, m.codings())
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
