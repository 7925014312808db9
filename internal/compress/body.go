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
		short = gzipped(body, effort)
	case Zstd:
		e := zstdEncoder()
		if effort == Well {
			e = newZstdEncoder(zstd.SpeedBestCompression)
		}
		short = e.EncodeAll(body, make([]byte, 0, len(body)/2))
	case Brotli:
		short = brotlied(body, effort)
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

func gzipped(body []byte, e Effort) []byte {
	if e == Well {
		w, _ := gzip.NewWriterLevel(nil, gzip.BestCompression) // the level is valid
		return written(w, body)
	}
	pool := gzips
	if len(body) > mostThorough {
		pool = fastGzips
	}
	w := pool.Get().(*gzip.Writer)
	defer pool.Put(w)
	return written(w, body)
}

var gzips, fastGzips = gzipWriters(thorough), gzipWriters(fast)

func gzipWriters(level int) *sync.Pool {
	return &sync.Pool{New: func() any {
		w, _ := gzip.NewWriterLevel(nil, level) // the level is valid
		return w
	}}
}

// Levels of br.
const (
	brotliThorough = 5
	brotliFast     = 2
	brotliWell     = 10
)

func brotlied(body []byte, e Effort) []byte {
	if e == Well {
		return written(brotli.NewWriterLevel(nil, brotliWell), body)
	}
	pool := brotlis
	if len(body) > mostThorough {
		pool = fastBrotlis
	}
	w := pool.Get().(*brotli.Writer)
	defer pool.Put(w)
	return written(w, body)
}

var brotlis, fastBrotlis = brotliWriters(brotliThorough), brotliWriters(brotliFast)

func brotliWriters(level int) *sync.Pool {
	return &sync.Pool{New: func() any { return brotli.NewWriterLevel(nil, level) }}
}

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
