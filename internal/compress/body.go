package compress

import (
	"bytes"
	"compress/gzip"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
)

// Effort says how much time a body may take.
type Effort uint8

// The efforts.
const (
	Soon Effort = iota // a reader waits, and the body is soon another one
	Well               // the body is sent for long
)

// Body returns body in a coding. It returns nil if that does not make it shorter, or if the body is less than [Least] bytes or
// more than 4 MiB.
func Body(c Coding, body []byte, e Effort) []byte {
	if len(body) < Least || len(body) > mostBody {
		return nil
	}
	var short []byte
	switch c {
	case Gzip:
		short = gzipped(body, e)
	case Zstd:
		short = zstdEncoder().EncodeAll(body, make([]byte, 0, len(body)/2))
	case Brotli:
		short = brotlied(body, e)
	default:
		return nil
	}
	if len(short) >= len(body) {
		return nil
	}
	return bytes.Clone(short) // without what was allocated too much
}

const mostBody = 4 << 20

func gzipped(body []byte, e Effort) []byte {
	if e == Well {
		w, _ := gzip.NewWriterLevel(nil, gzip.BestCompression) // the level is valid
		return written(w, body)
	}
	w := gzips.Get().(*gzip.Writer)
	defer gzips.Put(w)
	return written(w, body)
}

var gzips = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, thorough) // the level is valid
	return w
}}

// Levels of br. Beyond 9 it takes many times as long.
const (
	brotliSoon = 5
	brotliWell = 10
)

func brotlied(body []byte, e Effort) []byte {
	if e == Well {
		return written(brotli.NewWriterLevel(nil, brotliWell), body)
	}
	w := brotlis.Get().(*brotli.Writer)
	defer brotlis.Put(w)
	return written(w, body)
}

var brotlis = sync.Pool{New: func() any { return brotli.NewWriterLevel(nil, brotliSoon) }}

// written returns what w makes of body.
func written(w interface {
	io.WriteCloser
	Reset(to io.Writer)
}, body []byte,
) []byte {
	out := buffer{make([]byte, 0, len(body)/2)}
	w.Reset(&out)
	_, _ = w.Write(body) // to memory: it does not fail
	_ = w.Close()
	w.Reset(io.Discard) // do not keep out
	return out.b
}
