package short_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/motacilla-live/motacilla/internal/short"
)

func FuzzCut(f *testing.F) {
	f.Add("Tor für Köln", 5)
	f.Add("👍🏽", 3)
	f.Add("", 0)
	f.Fuzz(func(t *testing.T, s string, most int) {
		if most < 0 {
			return
		}
		got := short.Cut(s, most)
		if len(got) > most || !strings.HasPrefix(s, got) {
			t.Fatalf("Cut(%q, %d) is %q", s, most, got)
		}
		if !utf8.ValidString(s) {
			return
		}
		if !utf8.ValidString(got) || got != s && most-len(got) >= utf8.UTFMax {
			t.Fatalf("Cut(%q, %d) is %q", s, most, got)
		}
	})
}

func TestDigest(t *testing.T) {
	known := map[string]string{}
	for _, parts := range [][]string{{}, {""}, {"", ""}, {"a", "b"}, {"ab"}, {"a", "", "b"}, {"1 a"}, {"a", "1 b"}, {"a1 b"}} {
		d := short.Digest(parts...)
		if len(d) != 32 || d != short.Digest(parts...) {
			t.Errorf("the digest of %q is %q", parts, d)
		}
		if other, twice := known[d]; twice {
			t.Errorf("%q and %q have the same digest", parts, other)
		}
		known[d] = strings.Join(parts, "|")
	}
}
