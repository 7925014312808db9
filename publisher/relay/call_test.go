package relay

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestNotHeldIsNotWritten: a node that has lost the lease before its message is written does not write it.
func TestNotHeldIsNotWritten(t *testing.T) {
	got := make(chan string, 2)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil { // else the client broke off: it has no message
			got <- string(body)
		}
	}))
	defer server.Close()
	client := NewClient()
	defer client.Close()
	for held, want := range map[bool]int{true: 1, false: 0} {
		ctx := context.WithValue(t.Context(), heldKey{}, func() bool { return held })
		_, err := Call(ctx, client, server.URL, nil, []byte("a message"))
		if held != (err == nil) || !held && !errors.Is(err, errNotHeld) {
			t.Errorf("held %v: %v", held, err)
		}
		if len(got) != want {
			t.Errorf("held %v: the hub got %d messages", held, len(got))
		}
		for range len(got) {
			if text := <-got; text != "a message" {
				t.Errorf("the hub got %q", text)
			}
		}
	}
}
