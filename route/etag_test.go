package route_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/motacilla-live/motacilla"
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
		{[]string{`"a,b"`}, `"a,b"`, true},
		{[]string{`"a,"1"`}, `"1"`, false},
		{[]string{`x, "1"`}, `"1"`, false},
		{[]string{`"0",, "1" ,`}, `"1"`, true},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["If-None-Match"] = c.lines
		if got := route.Unchanged(r, c.tag); got != c.want {
			t.Errorf("%q against %s: %v, want %v", c.lines, c.tag, got, c.want)
		}
	}
}

func TestConditionComparesAsItsHeaderDoes(t *testing.T) {
	for _, c := range []struct {
		line         string
		strong, weak bool
	}{
		{`"1"`, true, true},
		{`W/"1"`, false, true},
		{`"2", "1"`, true, true},
		{`"2"`, false, false},
		{`*`, true, true},
	} {
		h := http.Header{"If-Match": {c.line}}
		got, err := route.ConditionOf(h, "If-Match")
		if err != nil || !got.Sent || got.Strong(`"1"`) != c.strong || got.Weak(`"1"`) != c.weak || got.Strong(`W/"1"`) && c.line != "*" {
			t.Errorf("%s: %+v, %v", c.line, got, err)
		}
	}
	if got, err := route.ConditionOf(http.Header{}, "If-Match"); err != nil || got.Sent || got.Strong(`"1"`) || got.Weak(`"1"`) {
		t.Errorf("no header: %+v, %v", got, err)
	}
	for _, line := range []string{"", "1", `"`, `"1" "2"`, `*,"1"`, `w/"1"`, ",", `"a b"`} {
		if got, err := route.ConditionOf(http.Header{"If-Match": {line}}, "If-Match"); !errors.Is(err, motacilla.ErrInvalid) {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
	}
}
