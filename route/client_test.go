package route_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/route"
)

func proxies(t testing.TB, list ...string) route.Proxies {
	t.Helper()
	ps, err := route.ParseProxies(list)
	if err != nil {
		t.Fatal(err)
	}
	return ps
}

func from(peer string, headers ...string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = peer
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		r.Header.Add(k, v)
	}
	return r
}

func TestClientAddr(t *testing.T) {
	ps := proxies(t, "10.0.0.0/8", "::1", "fd00::/8")
	const peer = "10.0.0.1:999"
	for _, c := range []struct {
		peer    string
		headers []string
		want    string
	}{
		{"192.0.2.1:80", nil, "192.0.2.1"},
		{"192.0.2.1:80", []string{"X-Forwarded-For: 6.6.6.6", "Forwarded: for=6.6.6.6"}, "192.0.2.1"},
		{peer, nil, "10.0.0.1"},
		{peer, []string{"X-Forwarded-For: 9.9.9.9"}, "9.9.9.9"},
		{peer, []string{"X-Forwarded-For: 6.6.6.6, 9.9.9.9"}, "9.9.9.9"},
		{peer, []string{"X-Forwarded-For: 6.6.6.6, 9.9.9.9, 10.1.1.1 ,10.2.2.2"}, "9.9.9.9"},
		{peer, []string{"X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 9.9.9.9"}, "9.9.9.9"},
		{peer, []string{"X-Forwarded-For: 9.9.9.9:1234"}, "9.9.9.9"},
		{peer, []string{"X-Forwarded-For: [2001:db8::1]:80"}, "2001:db8::1"},
		{peer, []string{"X-Forwarded-For: [2001:db8::1]"}, "2001:db8::1"},
		{peer, []string{"X-Forwarded-For: 2001:db8::1"}, "2001:db8::1"},
		{peer, []string{"X-Forwarded-For: 2001:db8::1%eth0"}, "2001:db8::1"},
		{peer, []string{"X-Forwarded-For: ::ffff:9.9.9.9"}, "9.9.9.9"},
		{peer, []string{"X-Forwarded-For: 6.6.6.6, unknown"}, "10.0.0.1"},
		{peer, []string{"X-Forwarded-For: 6.6.6.6, "}, "10.0.0.1"},
		{peer, []string{"X-Forwarded-For: 6.6.6.6,,10.3.3.3"}, "10.3.3.3"},
		{peer, []string{"X-Forwarded-For: 10.4.4.4"}, "10.4.4.4"},
		{peer, []string{"X-Forwarded-For: 9.9.9.9", "Forwarded: for=6.6.6.6"}, "9.9.9.9"},
		{"[::1]:80", []string{"X-Forwarded-For: 9.9.9.9"}, "9.9.9.9"},
		{"[fd00::1%eth0]:80", []string{"X-Forwarded-For: 9.9.9.9"}, "9.9.9.9"},
		{"[::ffff:10.0.0.1]:80", []string{"X-Forwarded-For: 9.9.9.9"}, "9.9.9.9"},
		{peer, []string{"Forwarded: for=9.9.9.9"}, "9.9.9.9"},
		{peer, []string{`Forwarded: For="[2001:db8::1]:4711";proto=https`}, "2001:db8::1"},
		{peer, []string{`Forwarded: for=6.6.6.6, for=9.9.9.9;by=10.0.0.1;proto=http, for="10.5.5.5:80"`}, "9.9.9.9"},
		{peer, []string{`Forwarded: for=9.9.9.9;host="evil,for=6.6.6.6"`}, "9.9.9.9"},
		{peer, []string{`Forwarded: for=6.6.6.6;x=", for=9.9.9.9;host="h"`}, "10.0.0.1"},
		{peer, []string{`Forwarded: for=6.6.6.6;x="`, "Forwarded: for=9.9.9.9"}, "9.9.9.9"},
		{peer, []string{"Forwarded: for=6.6.6.6", `Forwarded: for="9.9.9.9`}, "10.0.0.1"},
		{peer, []string{`Forwarded: for=6.6.6.6, proto=https`}, "10.0.0.1"},
		{peer, []string{`Forwarded: for=6.6.6.6;for=9.9.9.9`}, "10.0.0.1"},
		{peer, []string{`Forwarded: for=6.6.6.6, for=_hidden`}, "10.0.0.1"},
		{peer, []string{`Forwarded: for="a\"b\`}, "10.0.0.1"},
		{"@", []string{"X-Forwarded-For: 9.9.9.9"}, "invalid IP"},
	} {
		if got := ps.ClientAddr(from(c.peer, c.headers...)).String(); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.peer, c.headers, got, c.want)
		}
	}
	if got := route.Proxies(nil).ClientAddr(from(peer, "X-Forwarded-For: 6.6.6.6")).String(); got != "10.0.0.1" {
		t.Error(got)
	}
}

func TestScheme(t *testing.T) {
	ps := proxies(t, "10.0.0.0/8")
	for _, c := range []struct {
		peer, header, want string
	}{
		{"10.0.0.1:1", "X-Forwarded-Proto: https", "https"},
		{"10.0.0.1:1", "X-Forwarded-Proto: HTTPS", "https"},
		{"10.0.0.1:1", "X-Forwarded-Proto: http, https", "https"},
		{"10.0.0.1:1", "X-Forwarded-Proto: https, http", "http"},
		{"10.0.0.1:1", "X-Forwarded-Proto: javascript", "http"},
		{"10.0.0.1:1", "Forwarded: for=9.9.9.9;proto=https", "https"},
		{"10.0.0.1:1", `Forwarded: proto=https;x="`, "http"},
		{"10.0.0.1:1", "X: y", "http"},
		{"192.0.2.1:1", "X-Forwarded-Proto: https", "http"},
		{"@", "X-Forwarded-Proto: https", "http"},
	} {
		if got := ps.Scheme(from(c.peer, c.header)); got != c.want {
			t.Errorf("%s %s: %s", c.peer, c.header, got)
		}
	}
	r := from("192.0.2.1:1")
	r.TLS = &tls.ConnectionState{}
	if ps.Scheme(r) != "https" {
		t.Error("TLS is not https")
	}
}

func TestParseProxies(t *testing.T) {
	for _, bad := range []string{"", "x", "10.0.0.0/33", "10.0.0.1:80", "localhost", "10.0.0.0/-1"} {
		if _, err := route.ParseProxies([]string{"::1", bad}); err == nil || !strings.Contains(err.Error(), `"`+bad+`"`) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	got := proxies(t, "10.1.2.3/8", "::ffff:192.0.2.1", "::ffff:172.16.0.0/108", "fe80::1%eth0")
	if want := "10.0.0.0/8 192.0.2.1/32 172.16.0.0/12 fe80::1/128"; join(got) != want {
		t.Errorf("%s, want %s", join(got), want)
	}
}

func join(ps route.Proxies) string {
	var list []string
	for _, p := range ps {
		list = append(list, p.String())
	}
	return strings.Join(list, " ")
}

// Whatever a client sends, the server believes only what the proxy adds behind it, on the same line or the next.
func FuzzForwarded(f *testing.F) {
	for _, s := range []string{"", "for=6.6.6.6", `for="x`, `a="b\`, `for=1.1.1.1;x="`, ",,;=", `"`, "for=\"[::1]:80\",x"} {
		f.Add(s)
	}
	ps := proxies(f, "10.0.0.1")
	f.Fuzz(func(t *testing.T, s string) {
		const peer, proxy = "10.0.0.1:1", `for=9.9.9.9;host="h";proto=http`
		for header, lines := range map[string][2]string{
			"Forwarded": {proxy, s + ", " + proxy}, "X-Forwarded-For": {"9.9.9.9", s + ", 9.9.9.9"},
		} {
			if got := ps.ClientAddr(from(peer, header+": "+lines[1])).String(); got != "9.9.9.9" && got != "10.0.0.1" {
				t.Fatalf("%s: %q: %s", header, s, got)
			}
			if got := ps.ClientAddr(from(peer, header+": "+s, header+": "+lines[0])).String(); got != "9.9.9.9" {
				t.Fatalf("%s, a line of its own: %q: %s", header, s, got)
			}
		}
		ps.Scheme(from(peer, "Forwarded: "+s))
	})
}

// overSocket returns a request over a Unix socket, as http.Server makes it.
func overSocket(peer string, headers ...string) *http.Request {
	r := from(peer, headers...)
	local := &net.UnixAddr{Name: "/run/motacilla.sock", Net: "unix"}
	return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
}

// TestUnixSocket: the peer of a Unix socket has no address. Its headers are believed only if the list has "unix".
func TestUnixSocket(t *testing.T) {
	trusted, others := proxies(t, "10.0.0.0/8", "unix"), proxies(t, "10.0.0.0/8", "0.0.0.0/0", "::/0")
	headers := []string{"X-Forwarded-For: 6.6.6.6, 9.9.9.9, 10.1.1.1", "X-Forwarded-Proto: https"}
	for _, peer := range []string{"@", "", "/run/nginx.sock"} {
		r := overSocket(peer, headers...)
		if a, s := trusted.ClientAddr(r), trusted.Scheme(r); a.String() != "9.9.9.9" || s != "https" {
			t.Errorf("%q behind a trusted socket: %v, %s", peer, a, s)
		}
		for name, ps := range map[string]route.Proxies{"others": others, "nobody": nil} {
			if a, s := ps.ClientAddr(r), ps.Scheme(r); a.IsValid() || s != "http" {
				t.Errorf("%q is believed with a list of %s: %v, %s", peer, name, a, s)
			}
		}
		if a := trusted.ClientAddr(overSocket(peer)); a.IsValid() {
			t.Errorf("%q without headers has the address %v", peer, a)
		}
		for _, wrong := range []string{"X-Forwarded-For: unknown", "X-Forwarded-For: unix:"} {
			if a := trusted.ClientAddr(overSocket(peer, wrong)); a.IsValid() {
				t.Errorf("%q with %s has the address %v", peer, wrong, a)
			}
		}
		// Without a Unix socket an address that nobody understands is believed by nobody.
		if a := trusted.ClientAddr(from(peer, headers...)); a.IsValid() {
			t.Errorf("%q over no socket: %v", peer, a)
		}
	}
	if a := trusted.ClientAddr(from("192.0.2.1:80", headers...)); a.String() != "192.0.2.1" {
		t.Errorf("a TCP peer that is no proxy: %v", a)
	}
}
