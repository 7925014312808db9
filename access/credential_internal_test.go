package access

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// cookiesOf is what package http finds.
func cookiesOf(r *http.Request, names []string) (list []Credential) {
	for _, name := range names {
		taken := 0
		for _, c := range r.CookiesNamed(name) {
			if c.Value != "" && len(c.Value) <= mostSecret && taken < mostCookies {
				list = append(list, Credential{Secret: c.Value, Cookie: name})
				taken++
			}
		}
	}
	return list
}

// FuzzCookies: the cookies are those that package http finds.
func FuzzCookies(f *testing.F) {
	for _, line := range []string{
		"", "s=1", "a=1; s=2;s=3", ` s="x y" ;; =; s; s=; s="`, "S=1; s==; s=a,b; s=\x7f; s=\\", "s\t=1;\ts=2\t", strings.Repeat("s=1;", 9),
		"s=" + strings.Repeat("x", mostSecret), "s=" + strings.Repeat("x", mostSecret+1), "__Host-s=1; s=2", "s=é; s=2", "s=1\n; s=2", "s=\" x\"",
	} {
		f.Add(line, "s=other")
	}
	f.Fuzz(func(t *testing.T, line, more string) {
		if strings.Count(line+more, ";") > 1000 { // package http refuses very many
			return
		}
		r := &http.Request{Header: http.Header{"Cookie": {line, more}}}
		names := []string{"__Host-s", "s"}
		if got, want := slices.Collect(cookies(r, names)), cookiesOf(r, names); !slices.Equal(got, want) {
			t.Errorf("%q, %q: %q, want %q", line, more, got, want)
		}
	})
}

// TestCookiesCostNothing: a request with other cookies allocates nothing, and neither does that of a person.
func TestCookiesCostNothing(t *testing.T) {
	r := &http.Request{Header: http.Header{"Cookie": {"_ga=GA1.2.3; __Host-s=a-secret; consent=yes"}}}
	names, found := []string{"__Host-s", "s"}, 0
	if n := testing.AllocsPerRun(100, func() {
		for c := range cookies(r, names) {
			found += len(c.Secret)
		}
	}); n != 0 || found == 0 {
		t.Errorf("%v allocations", n)
	}
}
