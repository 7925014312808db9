package sse

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/publisher"
)

func TestAnswer(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c})
		p := s.post("one")
		st := s.begin("", "Origin", "https://www.example.org")
		for header, want := range map[string]string{
			"Content-Type":                     "text/event-stream",
			"Cache-Control":                    "no-store",
			"X-Accel-Buffering":                "no",
			"Strict-Transport-Security":        "max-age=60", // set by a middleware
			"Access-Control-Allow-Origin":      "https://www.example.org",
			"Access-Control-Allow-Credentials": "true",
			"Content-Encoding":                 c.coding,
			"Content-Length":                   "",
		} {
			if got := st.resp.Header.Get(header); got != want {
				t.Errorf("%s: got %q, want %q", header, got, want)
			}
		}
		if vary := strings.Join(st.resp.Header.Values("Vary"), ", "); !strings.Contains(vary, "Origin") ||
			!strings.Contains(vary, "Accept-Encoding") {
			t.Errorf("Vary is %q, want Origin and Accept-Encoding", vary)
		}
		if date, err := http.ParseTime(st.resp.Header.Get("Date")); err != nil || time.Since(date) > time.Hour {
			t.Errorf("Date is %v (%v)", date, err)
		}
		u := s.update(st)
		if !u.Reset || !u.Complete || u.From != 0 || u.Revision != p.Revision || texts(u) != "one" {
			t.Errorf("got %+v first, want a reset with the post", u)
		}
		if len(st.Retry) != 1 || st.Retry[0] < 1000 || st.Retry[0] >= 4000 {
			t.Errorf("got retry %v, want one of 1 to 4 s", st.Retry)
		}
		p = s.post("two")
		if u = s.update(st); u.Reset || u.Revision != p.Revision || texts(u) != "two" {
			t.Errorf("got %+v second, want the second post", u)
		}
	})
}

// The first event comes at once, also if nothing is new. retry is random, so that not all readers come back at once.
func TestFirstEvent(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c, feed: publisher.FeedOptions{Heartbeat: time.Hour}})
		head := s.head()
		seen := map[int]bool{}
		for range 10 {
			st := s.begin(fmt.Sprintf("?since=%d", head))
			if u := s.update(st); !u.Heartbeat() || u.From != head || u.Revision != head {
				t.Fatalf("got %+v first, want a heartbeat", u)
			}
			seen[st.Retry[0]] = true
			_ = st.body.Close()
		}
		if len(seen) < 3 {
			t.Errorf("got the retry times %v, want different ones", seen)
		}
	})
}

func TestHeartbeats(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c, feed: publisher.FeedOptions{Heartbeat: 50 * time.Millisecond}})
		st := s.begin("")
		last := s.update(st).Revision
		for range 3 {
			if u := s.update(st); !u.Heartbeat() || u.Revision != last || u.From != last {
				t.Fatalf("got %+v after a silence, want a heartbeat", u)
			}
		}
		p := s.post("one")
		if u := s.change(st); u.Revision != p.Revision {
			t.Errorf("got revision %d, want %d", u.Revision, p.Revision)
		}
		if u := s.update(st); !u.Heartbeat() || u.Revision != p.Revision {
			t.Errorf("got %+v after a change and a silence, want a heartbeat", u)
		}
	})
}

func TestRefusals(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c})
		down := open(t, settings{connection: c})
		down.Source.Fail(true)
		for name, test := range map[string]struct {
			site   *site
			method string
			target string
			header []string
			status int
			answer map[string]string
		}{
			"HEAD":         {s, "HEAD", path(match, ""), nil, 405, map[string]string{"Allow": "GET"}},
			"POST":         {s, "POST", path(match, ""), nil, 405, map[string]string{"Allow": "GET"}},
			"empty since":  {s, "GET", path(match, "?since="), nil, 400, nil},
			"bad since":    {s, "GET", path(match, "?since=1.5"), nil, 400, nil},
			"minus":        {s, "GET", path(match, "?since=-1"), nil, 400, nil},
			"beyond int64": {s, "GET", path(match, "?since=9223372036854775808"), nil, 400, nil},
			"other digits": {s, "GET", path(match, "?since=%D9%A1"), nil, 400, nil},
			"twice":        {s, "GET", path(match, "?since=1&since=1"), nil, 400, nil},
			"unknown":      {s, "GET", path("nobody", ""), nil, 404, nil},
			"not an id":    {s, "GET", path("a%2Fb", ""), nil, 400, nil},
			"private":      {s, "GET", path(members, ""), nil, 403, nil},
			"store down": {
				down, "GET", path(match, ""), []string{"Authorization", "Bearer " + secret}, 503, map[string]string{"Retry-After": "*"},
			},
		} {
			t.Run(name, func(t *testing.T) {
				test.site.TB = t
				resp := test.site.Do(test.method, test.target, test.header...)
				body, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode != test.status {
					t.Fatalf("got %s (%v), want %d", resp.Status, err, test.status)
				}
				for header, want := range test.answer {
					if got := resp.Header.Get(header); got != want && (want != "*" || got == "") {
						t.Errorf("%s is %q, want %q", header, got, want)
					}
				}
				var problem struct {
					Status int
					Title  string
				}
				if kind := resp.Header.Get("Content-Type"); kind != "application/problem+json" {
					t.Errorf("got Content-Type %q, want application/problem+json", kind)
				}
				if test.method == http.MethodHead {
					return
				}
				if err := json.Unmarshal(body, &problem); err != nil || problem.Status != test.status || problem.Title == "" {
					t.Errorf("got the body %q (%v), want a problem", body, err)
				}
			})
		}
		if n := s.stats().Readers.Load(); n != 0 {
			t.Errorf("got %d readers, want none", n)
		}
		s.TB, down.TB = t, t
	})
}

func TestToken(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c})
		s.Post(members, "inside")
		st := s.beginOn(members, "", "Authorization", "Bearer "+secret)
		if u := s.update(st); texts(u) != "inside" {
			t.Errorf("%+v", u)
		}
	})
}

func TestCursor(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		s := open(t, settings{connection: c})
		one, two := s.post("one"), s.post("two")
		for name, test := range map[string]struct {
			query, header string
			want          string
			reset         bool
		}{
			"since":               {fmt.Sprintf("?since=%d", one.Revision), "", "two", false},
			"header":              {"", fmt.Sprint(int64(one.Revision)), "two", false},
			"the header wins":     {"?since=0", fmt.Sprint(int64(one.Revision)), "two", false},
			"over a bad since":    {"?since=x", fmt.Sprint(int64(two.Revision)), "", false},
			"malformed header":    {fmt.Sprintf("?since=%d", two.Revision), "abc", "one two", true},
			"header beyond int64": {"", strings.Repeat("9", 30), "one two", true},
			"none":                {"", "", "one two", true},
			"foreign":             {fmt.Sprintf("?since=%d", one.Revision-1_000_000_000), "", "one two", true},
			"from the future":     {fmt.Sprintf("?since=%d", two.Revision+1_000_000_000), "", "one two", true},
			"zero with zeros":     {"?since=000", "", "one two", true},
		} {
			t.Run(name, func(t *testing.T) {
				s.TB = t
				var header []string
				if test.header != "" {
					header = []string{"Last-Event-ID", test.header}
				}
				st := s.begin(test.query, header...)
				if u := s.update(st); texts(u) != test.want || u.Reset != test.reset || u.Revision != two.Revision {
					t.Errorf("got %+v, want %q, reset %v", u, test.want, test.reset)
				}
				_ = st.body.Close()
			})
		}
		s.TB = t
	})
}

// Raw requests: HTTP/1.0 as nginx sends it, HTTP/1.1, and one with another request behind it.
func TestBareRequests(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		if c.server.HTTP2 {
			return // it is about HTTP/1
		}
		s := open(t, settings{connection: c})
		s.post("one")
		for name, request := range map[string]string{
			"HTTP/1.0":         "GET %s HTTP/1.0\r\nHost: live.example\r\nConnection: close\r\n\r\n",
			"1.0 without Host": "GET %s HTTP/1.0\r\n\r\n",
			"HTTP/1.1":         "GET %s HTTP/1.1\r\nHost: live.example\r\n\r\n",
			"keep-alive":       "GET %s HTTP/1.0\r\nHost: live.example\r\nConnection: keep-alive\r\n\r\n",
			"pipelined":        "GET %[1]s HTTP/1.1\r\nHost: a\r\n\r\nGET %[1]s HTTP/1.1\r\nHost: a\r\n\r\n",
		} {
			t.Run(name, func(t *testing.T) {
				s.TB = t
				conn := s.Dial()
				if _, err := fmt.Fprintf(conn, request, path(match, "")); err != nil {
					t.Fatal(err)
				}
				in := bufio.NewReader(conn)
				resp, err := http.ReadResponse(in, nil)
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Fatalf("%v %v", resp, err)
				}
				if resp.ContentLength != -1 || len(resp.TransferEncoding) > 0 || !resp.Close {
					t.Errorf("got %+v, want an answer without length and chunks that ends with the connection", resp)
				}
				st := &stream{newEventStream(resp.Body), resp, conn}
				if u := s.update(st); texts(u) != "one" {
					t.Errorf("%+v", u)
				}
				_ = conn.Close()
			})
		}
		s.TB = t
		s.Eventually("readers leave", func() bool { return s.stats().Readers.Load() == 0 })
	})
}

// A reader that closes its side of the connection has left, as for net/http.
func TestHalfClose(t *testing.T) {
	each(t, func(t *testing.T, c connection) {
		if c.server.HTTP2 {
			return // it can't be closed on one side
		}
		s := open(t, settings{connection: c})
		conn := s.Dial()
		_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path(match, ""))
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		st := &stream{newEventStream(resp.Body), resp, conn}
		s.update(st)
		if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		s.ends(st)
		s.Eventually("the reader is gone", func() bool { return s.stats().Readers.Load() == 0 })
	})
}
