package client

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/motacilla-live/motacilla"
)

func TestResolve(t *testing.T) {
	for _, tt := range []struct{ base, ref, want string }{
		{"http://a.example", "/live/sse/m/", "http://a.example/live/sse/m/"},
		{"http://a.example/", "/live/sse/m/", "http://a.example/live/sse/m/"},
		{"http://a.example/blog", "/live/sse/m/", "http://a.example/blog/live/sse/m/"},
		{"http://a.example/blog/", "/live/sse/m/?x=1", "http://a.example/blog/live/sse/m/?x=1"},
		{"http://a.example/blog", "/blog/live/sse/m/", "http://a.example/blog/blog/live/sse/m/"},
		{"http://a.example/blog", "/blogs/sse/m/", "http://a.example/blog/blogs/sse/m/"},
		{"https://a.example/live", "/live/sse/m/", "https://a.example/live/live/sse/m/"},
		{"https://a.example/news/live/", "../../sse/m/", "https://a.example/news/live/sse/m/"},
		{"https://a.example/news/live", "../../sse/m/", "https://a.example/news/live/sse/m/"},
		{"http://a.example/b%2Fc", "/live/m%2Fn/", "http://a.example/b%2Fc/live/m%2Fn/"},
		{"http://a.example/blog", "https://b.example/live/sse/m/", "https://b.example/live/sse/m/"},
		{"https://a.example/blog", "//b.example/live/", "https://b.example/live/"},
		{"http://u:p@a.example", "/live/", "http://u:p@a.example/live/"},
		{"http://a.example", "wss://b.example/live/", "https://b.example/live/"},
		{"http://a.example", "/live/#x", "http://a.example/live/"},
		{"http://a.example", "", ""},
		{"http://a.example", "ftp://b.example/", ""},
		{"http://a.example", "javascript:alert(1)", ""},
		{"http://a.example", "%zz", ""},
	} {
		base, err := url.Parse(tt.base)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if u := resolve(base, base.JoinPath("channels", "m", "transports"), tt.ref); u != nil {
			got = u.String()
		}
		if got != tt.want {
			t.Errorf("resolve(%s, …, %s) = %s, want %s", tt.base, tt.ref, got, tt.want)
		}
	}
}

func TestToken(t *testing.T) {
	base, _ := url.Parse("https://a.example/blog")
	c := &Client{base: base, options: Options{Token: "x"}}
	for address, want := range map[string]string{
		"https://a.example/live/": "Bearer x", "http://a.example/live/": "", "https://a.example:8443/": "",
		"https://b.example/": "", "https://a.example.b.example/": "",
	} {
		if u, _ := url.Parse(address); c.authorization(u) != want {
			t.Errorf("to %s goes %q, want %q", address, c.authorization(u), want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for field, want := range map[string]time.Duration{
		"": 0, "0": 0, "40": 40 * time.Second, "999999999": time.Hour, "99999999999999999999": 0, "-1": 0, "+1": 0, "1.5": 0,
		"Sun, 01 Mar 2026 12:00:40 GMT": 40 * time.Second, "Sun, 01 Mar 2026 11:00:00 GMT": 0,
		"Sun, 01 Mar 2027 11:00:00 GMT": time.Hour, "soon": 0,
	} {
		if got := retryAfter(field, now); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", field, got, want)
		}
	}
	for field, want := range map[string]time.Duration{
		"": -1, "0": 0, "3000": 3 * time.Second, "-1": -1, "+1": -1, "1e3": -1, "1_000": -1, " 1": -1,
		"99999999999999999999": time.Hour, "9223372036854775807": time.Hour,
	} {
		got, ok := parseRetry(field)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("parseRetry(%q) = %v, want %v", field, got, want)
		}
	}
}

func TestBackoff(t *testing.T) {
	for range 100 {
		b := backoff{shortest: 500 * time.Millisecond, longest: 15 * time.Second}
		for i, most := range []float64{0.5, 1, 2, 4, 8, 15, 15, 15} {
			if wait := b.next(0).Seconds(); wait > most || wait < most/2 {
				t.Fatalf("pause %d is %v s, want up to %v s", i, wait, most)
			}
		}
		b.lived(10 * time.Second)
		if wait := b.next(0); wait < 7*time.Second {
			t.Fatalf("a connection that lived 10 s ended a backoff of 15 s: %v", wait)
		}
		b.lived(time.Minute)
		if wait := b.next(0); wait > 500*time.Millisecond {
			t.Fatalf("a connection that lived a minute leaves a pause of %v", wait)
		}
		b.retry(time.Minute)
		if wait := b.next(0); wait < 30*time.Second || wait > time.Minute {
			t.Fatalf("the stream said a minute, and the pause is %v", wait)
		}
		if wait := b.next(2 * time.Minute); wait < 2*time.Minute || wait > 150*time.Second {
			t.Fatalf("the server asked for two minutes, and the pause is %v", wait)
		}
	}
}

// TestBackoffWithoutEnd: the largest durations are pauses too.
func TestBackoffWithoutEnd(t *testing.T) {
	for _, shortest := range []time.Duration{time.Second, 1000 * time.Hour, math.MaxInt64} {
		b := backoff{shortest: shortest, longest: math.MaxInt64}
		for range 100 {
			if wait := b.next(0); wait < shortest/2 {
				t.Fatalf("from %v, a pause is %v", shortest, wait)
			}
		}
	}
}

// TestTakeYieldsWhatAViewTakes compares what a session yields, applied with asked true, with what motacilla.View does by
// itself.
func TestTakeYieldsWhatAViewTakes(t *testing.T) {
	seen := map[string]int{}
	for n := range 6 * 6 * 6 * 2 * 2 {
		digit := func(base int) (d int) {
			d, n = n%base, n/base
			return d
		}
		cursor := motacilla.Revision(digit(6))
		u := motacilla.Update{From: motacilla.Revision(digit(6)), Revision: motacilla.Revision(digit(6)), Reset: digit(2) > 0}
		if u.From > u.Revision && !u.Reset {
			continue
		}
		asked := digit(2) > 0
		var view motacilla.View
		view.Apply(&motacilla.Update{Revision: cursor, Reset: true}, true)
		ours := view
		again := view.Apply(&u, asked)
		yielded := false
		s := &session{first: time.NewTimer(time.Hour)}
		f := &follower{cursor: cursor, yield: func(u motacilla.Update, _ error) bool {
			yielded = true
			if ours.Apply(&u, true) {
				t.Fatalf("at %d %+v, asked %v, is yielded and can't be applied", cursor, u, asked)
			}
			return true
		}}
		more := f.take(s, &u, asked)
		switch {
		case again:
			seen["again"]++
		case yielded:
			seen["yielded"]++
		default:
			seen["dropped"]++
		}
		if again != s.gap || more == s.gap || ours.Revision != view.Revision || f.cursor != view.Revision {
			t.Fatalf("at %d %+v, asked %v: gap %v, at %d; View asks again %v and is at %d",
				cursor, u, asked, s.gap, ours.Revision, again, view.Revision)
		}
		if u.Heartbeat() && u.Revision == cursor && !yielded {
			t.Fatalf("a heartbeat at %d is not yielded", cursor)
		}
	}
	if len(seen) != 3 {
		t.Errorf("not every outcome was seen: %v", seen)
	}
}

// wholeEvents returns the whole events of a stream, as the standard has it: lines end with \r\n, \n or \r, an event ends
// with an empty line, a byte order mark at the beginning is ignored, and so is an event without an end.
func wholeEvents(stream string) string {
	stream = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(stream)
	stream = strings.TrimPrefix(stream, "\ufeff")
	var b strings.Builder
	var event string
	for {
		line, rest, ended := strings.Cut(stream, "\n")
		if !ended {
			return b.String()
		}
		if stream = rest; line != "" {
			event += line + "\n"
		} else if event != "" {
			b.WriteString(event + "\n")
			event = ""
		}
	}
}

func FuzzEvents(f *testing.F) {
	f.Add("data: 1\n\ndata: 2\r\n\r\ndata: 3\r\rdata: 4\n\r\ndata", byte(1))
	f.Add("\ufeffdata: 1\r\n\n\n\n: x\r\r\n", byte(3))
	f.Add("\ufeff\n\ufeff\n\n", byte(0))
	f.Add("\ufeff\r\n\r\ndata: x\n\n", byte(7))
	f.Fuzz(func(t *testing.T, stream string, size byte) {
		body := io.NopCloser(chunks{strings.NewReader(stream), int(size) + 1})
		got, err := io.ReadAll(iotest.OneByteReader(newEvents(body, 1<<20)))
		if want := wholeEvents(stream); err != nil || string(got) != want {
			t.Errorf("of %q are read %q, %v; want %q", stream, got, err, want)
		}
	})
}

// chunks reads at most n bytes at once.
type chunks struct {
	io.Reader
	n int
}

func (c chunks) Read(p []byte) (int, error) { return c.Reader.Read(p[:min(len(p), c.n)]) }

func TestEventTooLong(t *testing.T) {
	for _, stream := range []string{strings.Repeat("x", 200), strings.Repeat("data: x\n", 30)} {
		e := newEvents(io.NopCloser(strings.NewReader("data: 1\n\n"+stream)), 100)
		got, err := io.ReadAll(e)
		if !errors.Is(err, errTooLong) || string(got) != "data: 1\n\n" {
			t.Errorf("%q, %v; want one event, and errTooLong", got, err)
		}
	}
}

func FuzzOffers(f *testing.F) {
	f.Add([]byte(`{"transports":[{"name":"sse","url":"/live/sse/m/"},{"name":"pigeon","url":"/x"}]}`))
	f.Add([]byte(`{"transports":[{"name":"websocket","url":"//x@::0/%2f?a#b"}]}`))
	f.Add([]byte(`{"transports":[{"name":"websocket","url":"//x@b:0/%2f?a#b"},{"name":"sse","url":"\\\\x"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, text := range []string{"http://a.example", "https://a.example/blog/"} {
			base, _ := url.Parse(text)
			names, offers, err := parseOffers(base, base.JoinPath("channels", "m", "transports"), body, nil)
			if err != nil && offers != nil || len(offers) > len(names) {
				t.Fatalf("%d of %d offers, %v", len(offers), len(names), err)
			}
			for _, o := range offers {
				u := (&follower{}).question(o.address)
				if _, err := http.NewRequest(http.MethodGet, u.String(), nil); err != nil {
					t.Fatalf("%s can't be asked: %v", o.address, err)
				}
				if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Query().Get("since") != "0" {
					t.Fatalf("asks %s", u)
				}
			}
		}
	})
}

func FuzzDecodePoll(f *testing.F) {
	f.Add([]byte(`{"channel":"m","from":0,"revision":7,"renders":{},"removals":[],"next_poll_ms":3000}`))
	f.Add([]byte(`{"channel":"m","from":0,"revision":7,"renders":{},"removals":[],"next_poll_ms":-9223372036854775808}`))
	f.Add([]byte(`{"channel":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := decodePoll(body, &follower{channel: "m"})
		switch {
		case err != nil:
			if final(err) || got.update != nil {
				t.Fatalf("%v is taken for what the caller did wrong, or %v comes with it", err, got.update)
			}
		case got.update.Channel != "m", got.next < 0, got.next > longestStay:
			t.Fatalf("update of %q, next in %v", got.update.Channel, got.next)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("40")
	f.Add("10000000000000000000A")
	f.Add("Sun, 01 Mar 2026 12:00:40 GMT")
	f.Fuzz(func(t *testing.T, field string) {
		if d := retryAfter(field, time.Now()); d < 0 || d > longestStay {
			t.Fatalf("retryAfter(%q) = %v", field, d)
		}
		d, ok := parseRetry(field)
		if d < 0 || d > longestStay {
			t.Fatalf("parseRetry(%q) = %v", field, d)
		}
		if digits := strings.Trim(field, "0123456789") == "" && field != ""; ok != digits {
			t.Fatalf("parseRetry(%q) = %v, %v", field, d, ok)
		}
	})
}

// TestRefused reads problem documents, and answers that are not problem documents.
func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		status            int
		kind, body        string
		want              error
		unusable, isFinal bool
		text              string
	}{
		{404, "application/problem+json", `{"status":404,"title":"Not Found","detail":"no such channel"}`, motacilla.ErrNotFound, false, true, "no such channel"},
		{404, "application/problem+json; charset=utf-8", `{"status":404,"title":"Not Found"}`, motacilla.ErrNotFound, false, true, "404"},
		{404, "application/problem+json", `{`, nil, true, false, "not as Motacilla does"},
		{404, "application/problem+json", strings.Repeat(" ", 5000) + `{"status":404,"title":"x"}`, nil, true, false, "not as Motacilla does"},
		{404, "application/problem+json", `{"title":"Not Found"}`, nil, true, false, "not as Motacilla does"},
		{404, "application/problem+json", `{"status":403,"title":"Not Found"}`, nil, true, false, "not as Motacilla does"},
		{404, "text/html", `{"status":404,"title":"Not Found"}`, nil, true, false, "not as Motacilla does"},
		{405, "application/problem+json", `{"status":405,"title":"Method Not Allowed"}`, nil, true, false, "405"},
		{204, "", ``, nil, true, false, "204"},
		{503, "application/problem+json", `{"title":"Unavailable"}`, nil, false, false, "503"},
		{502, "text/html", ``, nil, false, false, "502"},
		{501, "text/html", ``, nil, true, false, "501"},
		{408, "", ``, nil, false, false, "408"},
	} {
		resp := &http.Response{
			StatusCode: tt.status, Status: strconv.Itoa(tt.status) + " " + http.StatusText(tt.status),
			Header: http.Header{"Content-Type": {tt.kind}}, Body: io.NopCloser(bytes.NewReader([]byte(tt.body))),
		}
		err := refused(resp)
		if tt.want != nil && !errors.Is(err, tt.want) || unusable(err) != tt.unusable || final(err) != tt.isFinal ||
			!strings.Contains(err.Error(), tt.text) {
			t.Errorf("%d %s %.40s is %v (unusable %v, final %v)", tt.status, tt.kind, tt.body, err, unusable(err), final(err))
		}
	}
}
