package compress

import (
	"testing"

	"github.com/motacilla-live/motacilla/internal/liveblog"
)

func TestQuick(t *testing.T) {
	var plain, def, z, br, gz int
	for _, p := range liveblog.Posts() {
		plain += len(p)
		def += len(AppendDeflate(nil, []byte(p)))
		z += len(AppendZstd(nil, []byte(p)))
		br += len(Body(Brotli, []byte(p), Soon))
		gz += len(Body(Gzip, []byte(p), Soon))
		t.Log(len(p))
	}
	t.Log(len(liveblog.Posts()), plain, float64(def)/float64(plain), float64(z)/float64(plain), float64(br)/float64(plain), float64(gz)/float64(plain))
}
