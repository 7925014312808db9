package repeat

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"
)

const head = "GET /live/x/?since=17&a=b HTTP/1.1\r\nHost: example\r\nCookie: a=b\r\n\r\n"

func TestCut(t *testing.T) {
	first, cursor, ok := Cut([]byte(head))
	if !ok || cursor != "17" {
		t.Fatalf("Cut(head) = %q, %v", cursor, ok)
	}
	later, cursor, ok := Cut([]byte(strings.Replace(head, "17", "1763890000123456", 1)))
	if !ok || cursor != "1763890000123456" || later != first {
		t.Errorf("the same request has another hash: %q, %v", cursor, ok)
	}
	for _, target := range []string{
		"/", "/?since", "/?since=", "/?since=x", "/?since=1x", "/?since=-1", "/?since=1%30", "/?asince=1", "/?since=1&since=2",
		"/?since=1#", "/since=1", "/?Since=1", "/?a=since=1",
	} {
		if _, cursor, ok := Cut([]byte("GET " + target + " HTTP/1.1\r\n\r\n")); ok {
			t.Errorf("%s has the cursor %q", target, cursor)
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

// If Cut returns the same hash for two heads, they differ in the digits of their cursors only.
func FuzzCut(f *testing.F) {
	f.Add([]byte(head), []byte(strings.Replace(head, "17", "18", 1)))
	f.Add([]byte(head), []byte(strings.Replace(head, "b", "c", 1)))
	f.Add([]byte("GET /?since=1 HTTP/1.1\r\n\r\n"), []byte("GET /?since=1&since=2 HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		hashA, cursorA, okA := Cut(a)
		hashB, cursorB, okB := Cut(b)
		if !okA || !okB {
			return
		}
		at := bytes.Index(a, []byte("since="+cursorA))
		if at < 0 || strings.Trim(cursorA, "0123456789") != "" || cursorA == "" {
			t.Fatalf("%q has the cursor %q", a, cursorA)
		}
		without := func(head []byte, cursor string) string { return strings.Replace(string(head), "="+cursor, "=", 1) }
		if same := without(a, cursorA) == without(b, cursorB); hashA == hashB && !same &&
			strings.Count(string(a), "="+cursorA) == 1 && strings.Count(string(b), "="+cursorB) == 1 {
			t.Fatalf("%q and %q have one hash", a, b)
		}
		if Parse(a) != 0 && hashA == hashB && Parse(b) != Parse(a) {
			t.Fatalf("%q and %q have one hash, and are parsed differently", a, b)
		}
	})
}
