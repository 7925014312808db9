package compress

import (
	"bytes"
	"compress/gzip"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// Effort says how much time a body may take.
type Effort uint8

// The efforts.
const (
	Soon Effort = iota // readers wait, and the body is soon another one
	Well               // the body is sent for long
)

// Body returns body in a coding. It returns nil if that does not make it shorter, or if the body is less than [Least] bytes or too
// long: more than 1 MiB, or 16 MiB if it may take long.
func Body(c Coding, body []byte, effort Effort) []byte {
	if !fits(body, effort) {
		return nil
	}
	var short []byte
	switch c {
	case Gzip:
		short = gzips.body(body, effort)
	case Zstd:
		e := zstdEncoder()
		if effort == Well {
			e = newZstdEncoder(zstd.SpeedBestCompression)
		}
		short = e.EncodeAll(body, make([]byte, 0, len(body)/2))
	case Brotli:
		short = brotlis.body(body, effort)
	default:
		return nil
	}
	if len(short) >= len(body) {
		return nil
	}
	return bytes.Clone(short) // without what was allocated too much
}

const mostBody = 16 << 20

func fits(body []byte, e Effort) bool {
	return len(body) >= Least && (len(body) <= most || e == Well && len(body) <= mostBody)
}

// writer compresses what is written to it. It may be used again after Reset.
type writer interface {
	io.WriteCloser
	Reset(to io.Writer)
}

// library is a coding's compressor, at three levels. Writers of the first two are kept, since they have large buffers.
type library struct {
	make           func(level int) writer
	thorough, fast *sync.Pool
	well           int
}

func newLibrary(thorough, fast, well int, makes func(level int) writer) *library {
	pool := func(level int) *sync.Pool { return &sync.Pool{New: func() any { return makes(level) }} }
	return &library{makes, pool(thorough), pool(fast), well}
}

var (
	gzips = newLibrary(thorough, fast, gzip.BestCompression, func(level int) writer {
		w, _ := gzip.NewWriterLevel(nil, level) // the level is valid
		return w
	})
	brotlis = newLibrary(5, 2, 10, func(level int) writer { return brotli.NewWriterLevel(nil, level) })
)

func (l *library) body(body []byte, e Effort) []byte {
	if e == Well {
		return written(l.make(l.well), body)
	}
	pool := l.thorough
	if len(body) > mostThorough {
		pool = l.fast
	}
	w := pool.Get().(writer)
	defer pool.Put(w)
	return written(w, body)
}

// written returns what w makes of body.
func written(w writer, body []byte) []byte {
	out := buffer{make([]byte, 0, len(body)/2)}
	w.Reset(&out)
	_, _ = w.Write(body) // to memory: it does not fail
	_ = w.Close()
	w.Reset(io.Discard) // do not keep out
	return out.b
}
