package carry_test

import (
	"net/http"
	"testing"

	"github.com/motacilla-live/motacilla/publisher/internal/carry"
)

// A value with a line break must not become two header lines.
func TestHeaderLines(t *testing.T) {
	got := string(carry.AppendHeader(nil, http.Header{"X-Name": {"a", "b\r\nSet-Cookie: c"}}))
	if want := "X-Name: a\r\nX-Name: b  Set-Cookie: c\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
