package compress

import (
	"compress/flate"
	"encoding/binary"
	"sync"
)

// Sizes in bytes.
const (
	// Least is the size below which nothing is compressed: it would save no packet, and little in it.
	Least = 200
	// mostThorough is up to which size a piece is compressed thoroughly. It is done while readers wait.
	mostThorough = 64 << 10
	// most is up to which size a piece is compressed at all, for the same reason.
	most = 1 << 20
	// mostStored is how long a stored block of deflate may be (RFC 1951, section 3.2.4).
	mostStored = 1<<16 - 1
)

// Levels of deflate.
const (
	thorough = 6
	fast     = 1
)

// flushed ends data that a reader can decompress whole: an empty stored block (a sync flush). Its last four bytes are always
// the same.
const flushed = "\x00" + Flush

// Flush is how data of [Deflate] ends.
const Flush = "\x00\x00\xff\xff"

// Deflate appends plain as deflate data (RFC 1951) that refers to nothing before it, is not the last of its stream, and ends
// with a sync flush, at a byte boundary. ok is false, and dst as it was, if that is not shorter than storing it.
func Deflate(dst, plain []byte) (longer []byte, ok bool) {
	if len(plain) < Least || len(plain) > most {
		return dst, false
	}
	longer = deflate(dst, plain)
	if len(longer)-len(dst) >= storedLen(len(plain)) {
		return dst, false
	}
	return longer, true
}

// AppendDeflate is Deflate, or AppendStored if that does not make it shorter.
func AppendDeflate(dst, plain []byte) []byte {
	if longer, ok := Deflate(dst, plain); ok {
		return longer
	}
	return AppendStored(dst, plain)
}

// AppendStored appends plain as AppendDeflate does, without compression.
func AppendStored(dst, plain []byte) []byte {
	return append(appendBlocks(dst, plain), flushed...)
}

// appendBlocks appends stored blocks, which begin and end at a byte boundary.
func appendBlocks(dst, plain []byte) []byte {
	for len(plain) > 0 {
		n := min(len(plain), mostStored)
		dst = append(dst, 0)
		dst = binary.LittleEndian.AppendUint16(dst, uint16(n))
		dst = binary.LittleEndian.AppendUint16(dst, ^uint16(n))
		dst = append(dst, plain[:n]...)
		plain = plain[n:]
	}
	return dst
}

func storedLen(n int) int { return n + (n+mostStored-1)/mostStored*5 + len(flushed) }

// deflate appends compressed data and a sync flush.
func deflate(dst, plain []byte) []byte {
	pool := thoroughly
	if len(plain) > mostThorough {
		pool = quickly
	}
	w := pool.Get().(*flate.Writer)
	defer pool.Put(w)
	out := buffer{dst}
	w.Reset(&out)
	_, _ = w.Write(plain) // to memory: it does not fail
	_ = w.Flush()
	w.Reset(nil) // do not keep out
	return out.b
}

var thoroughly, quickly = deflaters(thorough), deflaters(fast)

func deflaters(level int) *sync.Pool {
	return &sync.Pool{New: func() any {
		w, _ := flate.NewWriter(nil, level) // the level is valid
		return w
	}}
}

// buffer is a writer that appends.
type buffer struct{ b []byte }

func (b *buffer) Write(p []byte) (int, error) {
	b.b = append(b.b, p...)
	return len(p), nil
}
