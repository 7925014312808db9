package webapp_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A client whose body does not end is answered while it still sends.
func TestTooLargeIsAnsweredAtOnce(t *testing.T) {
	s := serve(t, nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ServeHTTP(struct{ http.ResponseWriter }{w}, r) // as behind a wrapper, which MaxBytesReader does not see through
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
	const chunk = 64 << 10
	fmt.Fprintf(conn, "POST /api/channels HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", secret)
	for range 1 << 20 / chunk {
		fmt.Fprintf(conn, "%x\r\n%s\r\n", chunk, strings.Repeat(" ", chunk))
	}
	fmt.Fprintf(conn, "%x\r\n ", chunk) // a byte too many. What the server left unread would reset the connection.
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusRequestEntityTooLarge || !answer.Close {
		t.Errorf("%s, close %v", answer.Status, answer.Close)
	}
}
