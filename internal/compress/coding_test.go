package compress

import (
	"slices"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		accept string
		want   Coding
	}{
		{"", Identity},
		{"gzip", Gzip},
		{"gzip, deflate", Gzip},
		{"gzip, deflate, br, zstd", Brotli}, // Chromium and Firefox
		{"gzip, deflate, br", Brotli},
		{"GZIP", Gzip},
		{"x-gzip", Gzip},
		{"*", Brotli},
		{"gzip;q=1.0, *;q=0.5", Gzip},
		{"br;q=0, *", Zstd},
		{"*;q=0", Identity},
		{"gzip;q=0", Identity},
		{"gzip;q=0.000", Identity},
		{"gzip;q=0.001", Gzip},
		{"identity;q=0", Identity}, // nothing else is accepted
		{"identity;q=0, *", Brotli},
		{"identity, gzip;q=0.5", Identity},
		{"identity;q=0.5, gzip", Gzip},
		{"identity, gzip", Gzip},
		{"identity", Identity},
		{"br;q=0.8, gzip;q=0.9, zstd;q=0.1", Gzip},
		{"gzip;q=0.5, br;q=0.5", Brotli},
		{" gzip ; q=0.5 , \tbr;Q=0.6", Brotli},
		{"gzip;q=2", Identity},
		{"gzip;q=0.1234", Identity},
		{"gzip;q=", Identity},
		{"gzip;q=-1, br", Brotli},
		{"gzip;level=9", Identity},
		{",, ,gzip,", Gzip},
		{"a,b,c,d,e,f,g,h,gzip", Identity}, // nobody knows so many
		{"compress, x-compress", Identity},
	} {
		if got := Choose([]string{c.accept}, All()); got != c.want {
			t.Errorf("%q: got %q, want %q", c.accept, got, c.want)
		}
	}
	if got := Choose(nil, All()); got != Identity {
		t.Errorf("without the header: %q", got)
	}
	if got := Choose([]string{"deflate", "gzip"}, All()); got != Gzip {
		t.Errorf("in two lines: %q", got)
	}
	if got := Choose([]string{"gzip, br, zstd"}, []Coding{Gzip, Zstd}); got != Gzip {
		t.Errorf("the server's order: %q", got)
	}
	if got := Choose([]string{"gzip"}, nil); got != Identity {
		t.Errorf("nothing offered: %q", got)
	}
}

func TestKnown(t *testing.T) {
	for _, c := range []struct {
		names []string
		known []Coding
		valid bool
	}{
		{nil, All(), true},
		{[]string{}, nil, true},
		{[]string{"gzip", "zstd"}, []Coding{Gzip, Zstd}, true},
		{[]string{"gzip", "gzip"}, []Coding{Gzip}, false},
		{[]string{"deflate", "br"}, []Coding{Brotli}, false},
		{[]string{""}, nil, false},
	} {
		if got := Known(c.names); !slices.Equal(got, c.known) {
			t.Errorf("%q: got %q, want %q", c.names, got, c.known)
		}
		if got := Valid(c.names); got != c.valid {
			t.Errorf("%q: valid %t", c.names, got)
		}
	}
}

// FuzzChoose compares Choose with a slower one, and checks that a coding that is refused is not chosen.
func FuzzChoose(f *testing.F) {
	for _, s := range []string{"", "gzip", "gzip;q=0, *;q=0.1", "identity;q=0.3,br;q=0.2", "*;q=0,zstd", "a;b;c,=;q=1", ";q=1,,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		got := Choose([]string{accept}, All())
		if strings.Count(accept, ",") > 6 {
			return // Choose reads eight names
		}
		weights := map[string]int{}
		for _, element := range strings.Split(strings.ToLower(accept), ",") {
			name, q, ok := parseElement(element)
			if name == "x-gzip" {
				name = "gzip"
			}
			if _, twice := weights[name]; ok && (!twice || name == "*" || name == "identity") {
				weights[name] = q
			}
		}
		weight := func(c Coding) int {
			if q, named := weights[string(c)]; named {
				return q
			}
			return weights["*"]
		}
		want, most := Identity, 0
		for _, c := range All() {
			if q := weight(c); q > most {
				want, most = c, q
			}
		}
		if weights["identity"] > most {
			want = Identity
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", accept, got, want)
		}
	})
}
