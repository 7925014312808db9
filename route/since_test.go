package route

import (
	"net/http/httptest"
	"testing"

	"github.com/motacilla-live/motacilla"
)

func TestSince(t *testing.T) {
	for query, want := range map[string]motacilla.Revision{
		"":                 0,
		"?":                0,
		"?since=12":        12,
		"?since=%31%32":    12,
		"?since=12&more=1": 12,
		"?more=1&since=12": 12,
		"?sinc%65=12":      12,
		"?more=since=12":   0,
		"?Since=12":        0,
		"?since=12;":       0, // no pair may have a semicolon
		"?since":           -1,
		"?since=":          -1,
		"?since=+12":       -1,
		"?since=1=2":       -1,
		"?since=-1":        -1,
		"?since=1&since=2": -1,
	} {
		got, err := Since(httptest.NewRequest("GET", "/"+query, nil))
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d, %v, want %d", query, got, err, want)
		}
	}
}
