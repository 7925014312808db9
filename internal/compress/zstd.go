package compress

import (
	"sync"

	"github.com/klauspost/compress/zstd"
)

// window is how many bytes a zstd decoder has to keep: far less than the 8 MB that a client must be able to (RFC 9659).
const window = 1 << 20

// zstdEncoder is made when it is needed first, because it has large buffers.
var zstdEncoder = sync.OnceValue(func() *zstd.Encoder { return newZstdEncoder(zstd.SpeedDefault) })

func newZstdEncoder(level zstd.EncoderLevel) *zstd.Encoder {
	e, _ := zstd.NewWriter(nil, zstd.WithEncoderCRC(false), zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(2)) // the options are valid
	return e
}

// AppendZstd appends plain as a frame of zstd (RFC 8878). If compressing does not make it shorter, the frame has it as it is.
func AppendZstd(dst, plain []byte) []byte {
	if len(plain) >= Least && len(plain) <= most {
		start := len(dst)
		dst = zstdEncoder().EncodeAll(plain, dst)
		if len(dst)-start < rawLen(len(plain)) {
			return dst
		}
		dst = dst[:start]
	}
	return AppendRaw(dst, plain)
}

// mostRaw is how long a block of zstd may be in a frame of this window (RFC 8878, section 3.1.1.2.4).
const mostRaw = 128 << 10

// AppendRaw is AppendZstd without compression.
func AppendRaw(dst, plain []byte) []byte {
	const (
		magic      = "\x28\xb5\x2f\xfd"
		descriptor = 0x00      // a window and no size, checksum or dictionary
		windowOf1M = 10 << 3   // 2^(10+10) bytes
		last, raw  = 1, 0 << 1 // flags of a block
	)
	dst = append(append(dst, magic...), descriptor, windowOf1M)
	for {
		n := min(len(plain), mostRaw)
		head := n<<3 | raw
		if n == len(plain) {
			head |= last
		}
		dst = append(dst, byte(head), byte(head>>8), byte(head>>16))
		dst = append(dst, plain[:n]...)
		if plain = plain[n:]; len(plain) == 0 {
			return dst
		}
	}
}

func rawLen(n int) int { return 6 + max((n+mostRaw-1)/mostRaw, 1)*3 + n }
