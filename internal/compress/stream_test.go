package compress

import (
	"testing"

	"github.com/motacilla-live/motacilla/internal/liveblog"
	"strings"
)

func BenchmarkX(b *testing.B) {
	one := []byte(liveblog.Posts()[9])
	all := []byte(strings.Repeat(strings.Join(liveblog.Posts(), "\n"), 5))
	for _, n := range []int{800, 12000, 60000} {
		x := all[:n]
		if n == 800 { x = one }
		for name, f := range map[string]func(){
			"deflate": func() { AppendDeflate(nil, x) }, "zstd": func() { AppendZstd(nil, x) },
			"br": func() { Body(Brotli, x, Soon) }, "gz": func() { Body(Gzip, x, Soon) }, "brwell": func() { Body(Brotli, x, Well) },
		} {
			b.Run(name, func(b *testing.B) { b.ReportAllocs(); b.SetBytes(int64(n)); for b.Loop() { f() } })
		}
	}
}
