package repeat

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const head = "GET /live/x/?since=17&a=b HTTP/1.1\r\nHost: example\r\nCookie: a=b\r\n\r\n"

func TestCut(t *testing.T) {
	first, numbers, ok := Cut([]byte(head))
	if !ok || numbers != (Numbers{Since: "17"}) {
		t.Fatalf("Cut(head) = %q, %v", numbers, ok)
	}
	later, numbers, ok := Cut([]byte(strings.Replace(head, "17", "1763890000123456", 1)))
	if !ok || numbers != (Numbers{Since: "1763890000123456"}) || later != first {
		t.Errorf("the same request has another hash: %q, %v", numbers, ok)
	}
	for _, query := range []string{"since=%s&round=%s&a=b", "a=b&since=%s&round=%s", "since=%s&a=b&round=%s", "round=%[2]s&since=%[1]s"} {
		with := func(since, round string) []byte {
			return []byte(strings.Replace(head, "since=17&a=b", fmt.Sprintf(query, since, round), 1))
		}
		first, numbers, ok := Cut(with("17", "0"))
		if !ok || numbers != (Numbers{"17", "0"}) {
			t.Errorf("%s: got %q, %v", query, numbers, ok)
		}
		later, numbers, ok := Cut(with("1763890000123456", "123"))
		if !ok || numbers != (Numbers{"1763890000123456", "123"}) || later != first {
			t.Errorf("%s: the same request has another hash: %q, %v", query, numbers, ok)
		}
		if other, _, _ := Cut(append(with("17", "0"), 'x')); other == first {
			t.Errorf("%s: another request has the same hash", query)
		}
	}
	for _, target := range []string{
		"/", "/?since", "/?since=", "/?since=x", "/?since=1x", "/?since=-1", "/?since=1%30", "/?asince=1", "/?since=1&since=2",
		"/?since=1#", "/since=1", "/?Since=1", "/?a=since=1", "/?round=1", "/?since=1&round=", "/?since=1&round=x",
		"/?since=1&round=1&round=1", "/?since=1&round=1x", "/?round=-1&since=1",
	} {
		if _, numbers, ok := Cut([]byte("GET " + target + " HTTP/1.1\r\n\r\n")); ok {
			t.Errorf("%s has the numbers %q", target, numbers)
		}
	}
	if _, _, ok := Cut([]byte("GET /?since=1")); ok {
		t.Error("half a line has a cursor")
	}
}

func parsed(t *testing.T, text string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOf(t *testing.T) {
	same := Of(parsed(t, head))
	if same == 0 || Parse([]byte(head)) != same || Parse([]byte(strings.Replace(head, "17", "18", 1))) != same {
		t.Error("the same request has another hash")
	}
	round := func(r string) string { return strings.Replace(head, "&a=b", "&round="+r+"&a=b", 1) }
	if with := Parse([]byte(round("1"))); with == 0 || with == same || Parse([]byte(round("234"))) != with || Parse([]byte(round("x"))) != 0 {
		t.Error("a round does not count as it should")
	}
	for _, change := range [][2]string{
		{"/x/", "/y/"}, {"&a=b", "&a=c"}, {"&a=b", ""}, {"GET", "POST"}, {"Host: example", "Host: other"}, {"a=b\r\n", "a=c\r\n"},
		{"Cookie", "Kookie"}, {"\r\n\r\n", "\r\nX: y\r\n\r\n"}, {"\r\n\r\n", "\r\nCookie: c=d\r\n\r\n"},
		{"HTTP/1.1", "HTTP/1.0"}, {"\r\n\r\n", "\r\nContent-Length: 1\r\n\r\n"}, {"\r\n\r\n", "\r\nConnection: close\r\n\r\n"},
		{"\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n"}, {"\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n"}, {"17", "x"},
	} {
		other := strings.Replace(head, change[0], change[1], 1)
		if Parse([]byte(other)) == same {
			t.Errorf("%q and %q have one hash", other, head)
		}
	}
}

// If Cut returns the same hash for two heads, they differ in their numbers only.
func FuzzCut(f *testing.F) {
	f.Add([]byte(head), []byte(strings.Replace(head, "17", "18", 1)))
	f.Add([]byte(head), []byte(strings.Replace(head, "b", "c", 1)))
	f.Add([]byte("GET /?since=1 HTTP/1.1\r\n\r\n"), []byte("GET /?since=1&since=2 HTTP/1.1\r\n\r\n"))
	f.Add([]byte("GET /?since=1&round=2 HTTP/1.1\r\n\r\n"), []byte("GET /?since=3&round=4 HTTP/1.1\r\n\r\n"))
	f.Add([]byte("GET /?round=1&since=2 HTTP/1.1\r\n\r\n"), []byte("GET /?round=&since=12 HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		hashA, numbersA, okA := Cut(a)
		hashB, numbersB, okB := Cut(b)
		if !okA || !okB {
			return
		}
		without := func(head []byte, n Numbers) string {
			line, rest, _ := strings.Cut(string(head), "\r")
			for name, digits := range map[string]string{"since=": n.Since, "round=": n.Round} {
				if strings.Trim(digits, "0123456789") != "" || name == "since=" && digits == "" {
					t.Fatalf("%q has the numbers %q", head, n)
				}
				for _, sign := range []string{"?", "&"} {
					line = strings.Replace(line, sign+name+digits, sign+name, 1)
				}
			}
			return line + "\r" + rest
		}
		if hashA == hashB && without(a, numbersA) != without(b, numbersB) {
			t.Fatalf("%q and %q have one hash", a, b)
		}
		if Parse(a) != 0 && hashA == hashB && Parse(b) != Parse(a) {
			t.Fatalf("%q and %q have one hash, and are parsed differently", a, b)
		}
	})
}
