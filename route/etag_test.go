package route_test

import (
	"net/http/httptest"
	"testing"

	"github.com/motacilla-live/motacilla/route"
)

func TestUnchanged(t *testing.T) {
	for _, c := range []struct {
		lines []string
		tag   string
		want  bool
	}{
		{nil, `"1"`, false},
		{[]string{`"1"`}, `"1"`, true},
		{[]string{`W/"1"`}, `"1"`, true},
		{[]string{`"1"`}, `W/"1"`, true},
		{[]string{`"2" , "1"`}, `"1"`, true},
		{[]string{`"2"`, `"1"`}, `"1"`, true},
		{[]string{`*`}, `"1"`, true},
		{[]string{`1`}, `"1"`, false},
		{[]string{`"11"`}, `"1"`, false},
		{[]string{``}, `"1"`, false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["If-None-Match"] = c.lines
		if got := route.Unchanged(r, c.tag); got != c.want {
			t.Errorf("%q against %s: %v, want %v", c.lines, c.tag, got, c.want)
		}
	}
}
