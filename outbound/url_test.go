package outbound

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// forms are URLs that are refused by their form, before any name is resolved.
var forms = []string{
	"", "/a", "//example.org/", "example.org", "file:///etc/passwd", "gopher://example.org/", "ftp://example.org/", "data:text/plain,a",
	"javascript:alert(1)", "unix:///run/a", "dict://example.org:11211/", "jar:http://example.org!/", "http:example.org", "http:///a",
	"http://", "https://:443/", "http://user@example.org/", "http://user:secret@example.org/", "http://@example.org/",
	"http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://0177.0.0.1/", "http://127.1/", "http://127.0.1/",
	"http://017700000001/", "http://127.0.0.1./", "http://127.0.0.01/", "http://0/", "http://0x/", "http://1.2.3.4.5/",
	"http://256.256.256.256/", "http://example.0x7f/", "http://./", "http://[fe80::1%25eth0]/", "http://[::1%25lo]/",
	"http://example.org:22/", "http://example.org:25/", "http://example.org:6667/", "http://example.org:0/", "http://example.org:99999/",
	"http://exa mple.org/", "http://example.org%00.com/", "http://example.org\\@a/", "http://a%2fb/", "http://example.org\r\nA: b/",
	"http://[v1.a]/", "http://[::1/",
	"https://example.org/" + strings.Repeat("a", 2048),
}

func TestURLsThatAreRefused(t *testing.T) {
	for _, raw := range forms {
		_, err := CheckURL(raw)
		if !errors.Is(err, ErrRefused) {
			t.Errorf("%q: %v", raw, err)
			continue
		}
		if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "aaaa") {
			t.Errorf("%q: the error tells too much: %v", raw, err)
		}
	}
}

func TestURLsThatMayBeCalled(t *testing.T) {
	for _, raw := range []string{
		"https://example.org", "http://example.org./a", "HTTPS://EXAMPLE.org:8443/a?b=c#d", "http://example.org:/", "http://bücher.example/",
		"http://93.184.216.34/", "http://[2606:4700::1111]:8080/", "https://0x7f.example.org/", "https://1.example/", "http://a_b.example/",
	} {
		if _, err := CheckURL(raw); err != nil {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, raw := range forms {
		f.Add(raw)
	}
	f.Add("https://example.org:8443/a?b=c#d")
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := CheckURL(raw)
		if err != nil {
			if !errors.Is(err, ErrRefused) {
				t.Errorf("%q: %v", raw, err)
			}
			return
		}
		if u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Hostname() == "" {
			t.Errorf("%q is taken", raw)
		}
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && a.Zone() != "" {
			t.Errorf("%q is taken", raw)
		}
		if again, err := CheckURL(u.String()); len(u.String()) <= 2048 && (err != nil || again.Host != u.Host) {
			t.Errorf("%q is taken, and %q is not: %v", raw, u, err)
		}
	})
}
