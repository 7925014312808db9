package websocket

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/route"
)

// without returns the headers of a handshake, with one of them replaced by line, or left out if line is empty.
func without(name, line string) []string {
	var header []string
	for _, h := range upgrading {
		if !strings.HasPrefix(h, name+":") {
			header = append(header, h)
		}
	}
	if line != "" {
		header = append(header, line)
	}
	return header
}

// problem returns the problem of an answer, which must have one.
func problem(t *testing.T, resp *http.Response) (p route.Problem) {
	t.Helper()
	if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("%s is of type %q", resp.Status, got)
	}
	if err := json.NewDecoder(resp.Body).Decode(&p); err != nil || p.Status != resp.StatusCode || p.Title == "" {
		t.Errorf("%s with the problem %+v, %v", resp.Status, p, err)
	}
	return p
}

func TestUpgradeRules(t *testing.T) {
	down := func(s *site) { s.Source.Fail(true) }
	loudly := append([]string{"connection: keep-alive, UPGRADE", "upgrade: WebSocket"}, upgrading[2:]...)
	const version8 = "Sec-WebSocket-Version: 8"
	const badKey = "Sec-WebSocket-Key: ????????????????????????"
	const bearer = "Authorization: Bearer " + secret
	cases := map[string]struct {
		method, target string
		header         []string
		before         func(*site)
		status         int
		has            string // a header that the answer must have
	}{
		"no upgrade":         {"GET", path(match, ""), nil, nil, 426, "Upgrade"},
		"no Upgrade":         {"GET", path(match, ""), without("Upgrade", ""), nil, 426, "Upgrade"},
		"another protocol":   {"GET", path(match, ""), without("Upgrade", "Upgrade: h2c"), nil, 426, "Upgrade"},
		"HEAD":               {"HEAD", path(match, ""), upgrading, nil, 405, "Allow"},
		"POST":               {"POST", path(match, ""), append(upgrading, "Content-Length: 0"), nil, 405, "Allow"},
		"version 8":          {"GET", path(match, ""), without("Sec-WebSocket-Version", version8), nil, 400, "Sec-Websocket-Version"},
		"no version":         {"GET", path(match, ""), without("Sec-WebSocket-Version", ""), nil, 400, "Sec-Websocket-Version"},
		"no key":             {"GET", path(match, ""), without("Sec-WebSocket-Key", ""), nil, 400, ""},
		"short key":          {"GET", path(match, ""), without("Sec-WebSocket-Key", "Sec-WebSocket-Key: c2hvcnQ="), nil, 400, ""},
		"key not in base 64": {"GET", path(match, ""), without("Sec-WebSocket-Key", badKey), nil, 400, ""},
		"since letters":      {"GET", path(match, "?since=x"), upgrading, nil, 400, ""},
		"since empty":        {"GET", path(match, "?since="), upgrading, nil, 400, ""},
		"since negative":     {"GET", path(match, "?since=-1"), upgrading, nil, 400, ""},
		"since decimal":      {"GET", path(match, "?since=1.5"), upgrading, nil, 400, ""},
		"since too large":    {"GET", path(match, "?since=99999999999999999999"), upgrading, nil, 400, ""},
		"since twice":        {"GET", path(match, "?since=1&since=1"), upgrading, nil, 400, ""},
		"private":            {"GET", path("members", ""), upgrading, nil, 403, ""},
		"private, wrong":     {"GET", path("members", ""), append(upgrading, bearer+"x"), nil, 403, ""},
		"private, token":     {"GET", path("members", ""), append(upgrading, bearer), nil, 101, ""},
		"store down":         {"GET", path(match, ""), append(upgrading, bearer), down, 503, "Retry-After"},
		"store down, guard":  {"GET", path(match, ""), upgrading, down, 503, "Retry-After"},
		"draining":           {"GET", path(match, ""), upgrading, (*site).Shutdown, 503, "Retry-After"},
		"no such, draining":  {"GET", path("nobody", ""), upgrading, (*site).Shutdown, 503, "Retry-After"},
		"no such channel ID": {"GET", path("a%20b", ""), upgrading, nil, 400, ""},
		"other case":         {"GET", path(match, ""), loudly, nil, 101, ""},
		"extensions":         {"GET", path(match, ""), append(upgrading, "Sec-WebSocket-Extensions: permessage-deflate"), nil, 101, "Sec-WebSocket-Extensions"},
		"unknown extension":  {"GET", path(match, ""), append(upgrading, "Sec-WebSocket-Extensions: x-webkit-deflate-frame"), nil, 101, ""},
		"subprotocols":       {"GET", path(match, ""), append(upgrading, "Sec-WebSocket-Protocol: chat, superchat"), nil, 101, ""},
		"no last slash":      {"GET", strings.TrimSuffix(path(match, ""), "/"), upgrading, nil, 101, ""},
	}
	each(t, func(t *testing.T, goroutines bool) {
		for name, test := range cases {
			t.Run(name, func(t *testing.T) {
				s := open(t, settings{goroutines: goroutines})
				if test.before != nil {
					test.before(s)
				}
				c, resp := s.request(test.method, test.target, slices.Clone(test.header)...)
				if resp.StatusCode != test.status {
					t.Fatalf("got %s, want %d", resp.Status, test.status)
				}
				if test.has != "" && resp.Header.Get(test.has) == "" {
					t.Errorf("%s without %s", resp.Status, test.has)
				}
				switch {
				case test.status == 101:
					for h, want := range map[string]string{"Sec-WebSocket-Extensions": test.has, "Sec-WebSocket-Protocol": ""} {
						if got := resp.Header.Get(h); want == "" && got != "" {
							t.Errorf("got %s %q, want none", h, got)
						}
					}
					s.update(c)
				case test.method != http.MethodHead:
					problem(t, resp)
				}
				if n := s.stats().Readers.Load(); test.status != 101 && n != 0 {
					t.Errorf("got %d readers, want none", n)
				}
			})
		}
	})
}

// A browser's script cannot see an answer that is not an upgrade, so it is told with a close code.
func TestNoSuchChannel(t *testing.T) {
	each(t, func(t *testing.T, goroutines bool) {
		s := open(t, settings{goroutines: goroutines})
		c, resp := s.request(http.MethodGet, path("nobody", ""), upgrading...)
		if resp.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("got %s, want 101", resp.Status)
		}
		opcode, payload, err := c.next()
		if code, _ := codeOf(payload); err != nil || opcode != 8 || code != codeGone {
			t.Fatalf("opcode %d, %q, %v", opcode, payload, err)
		}
		if _, err := c.Write(masked(0x88, "\x11\x34")); err != nil {
			t.Fatal(err)
		}
		if n, err := c.in.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("after the close frames: %d bytes, %v", n, err)
		}
	})
}

func TestOrigins(t *testing.T) {
	const own, foreign, listed = "http://live.example", "https://evil.example", "https://www.example.org"
	list, all := route.NewOrigins(listed), route.NewOrigins("*")
	both := route.NewOrigins("*", listed)
	origin := func(o string) string { return "Origin: " + o }
	const some, reader = "Cookie: theme=dark", "Cookie: reader" // reader is replaced by the cookie of a reader that has signed in
	cases := map[string]struct {
		origins *route.Origins
		private bool
		header  []string
		status  int
	}{
		"null":                         {nil, false, []string{origin("null")}, 403},
		"null, a list":                 {list, false, []string{origin("null")}, 403},
		"empty":                        {nil, false, []string{origin("")}, 403},
		"foreign":                      {nil, false, []string{origin(foreign)}, 403},
		"foreign, a list":              {list, false, []string{origin(foreign)}, 403},
		"own":                          {nil, false, []string{origin(own)}, 101},
		"own, TLS ends in a proxy":     {nil, false, []string{origin("https://live.example")}, 101},
		"own, another port":            {nil, false, []string{origin(own + ":8080")}, 403},
		"own, a list":                  {list, false, []string{origin(own)}, 101},
		"listed":                       {list, false, []string{origin(listed)}, 101},
		"listed, another scheme":       {list, false, []string{origin("http://www.example.org")}, 403},
		"missing":                      {nil, false, nil, 101},
		"missing, a list":              {list, false, nil, 101},
		"missing, with a cookie":       {nil, false, []string{some}, 403},
		"missing, with a cookie and *": {all, false, []string{some}, 403},
		"two":                          {nil, false, []string{origin(own), origin(own)}, 403},
		"two, the first is own":        {nil, false, []string{origin(own), origin(foreign)}, 403},
		"two, and *":                   {all, false, []string{origin(own), origin(foreign)}, 403},
		"foreign, *":                   {all, false, []string{origin(foreign)}, 101},
		"foreign, *, a cookie":         {all, false, []string{origin(foreign), some}, 101},
		"private, own":                 {nil, true, []string{origin(own), reader}, 101},
		"private, own, no cookie":      {nil, true, []string{origin(own)}, 403},
		"private, listed":              {list, true, []string{origin(listed), reader}, 101},
		"private, foreign":             {nil, true, []string{origin(foreign), reader}, 403},
		"private, missing":             {nil, true, []string{reader}, 403},
		"private, null, *":             {all, true, []string{origin("null"), reader}, 403},
		"private, foreign, *":          {all, true, []string{origin(foreign), reader}, 403},
		"private, own, *":              {all, true, []string{origin(own), reader}, 101},
		"private, listed and *":        {both, true, []string{origin(listed), reader}, 101},
		"private, foreign, * and more": {both, true, []string{origin(foreign), reader}, 403},
	}
	each(t, func(t *testing.T, goroutines bool) {
		for name, test := range cases {
			t.Run(name, func(t *testing.T) {
				s := open(t, settings{goroutines: goroutines, origins: test.origins})
				header, ch := slices.Clone(upgrading), match
				for _, line := range test.header {
					if line == reader {
						line = "Cookie: " + s.cookie()
					}
					header = append(header, line)
				}
				if test.private {
					ch = "members"
				}
				c, resp := s.request(http.MethodGet, path(ch, ""), header...)
				if resp.StatusCode != test.status {
					t.Fatalf("got %s, want %d", resp.Status, test.status)
				}
				if test.status == 101 {
					s.update(c)
				} else {
					problem(t, resp)
				}
			})
		}
	})
}
