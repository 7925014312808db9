package e2e

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// TestDeskRights: the desk knows patterns of channels as the server does, so it offers what is permitted and nothing else.
func TestDeskRights(t *testing.T) {
	t.Parallel()
	onlyTCP(t)
	d := newDeskSite(t)
	f := newDeskFront(t, d)
	patterns := []string{string(channel), "cup-*", "final-7", "a.b~c_d", "[x-z]-?", `[p\-q]1`, "[^a-y]2", `s\*`, "w+$"}
	p := f.opens(d.as(browser(t), d.person("con", "contributor:"+strings.Join(patterns, ","))), "")
	for _, id := range []string{
		string(channel), "cup-", "cup-final", "cup", "final-7", "final-70", "a.b~c_d", "a-b~c_d", "x-1", "w-1", "x-", "p1", "-1", "q1", "pq1", "z2", "b2",
		"s*", "sa", "w+$", "ww", "",
	} {
		want := id == "" || slices.ContainsFunc(patterns, func(pattern string) bool {
			ok, err := path.Match(pattern, id)
			return ok && err == nil
		})
		var may, writes bool
		p.eval(`desk.me.can(`+js(id)+`, "draft")`, &may)
		p.eval(`desk.me.can(`+js(id)+`, "write")`, &writes)
		if may != want || writes {
			t.Errorf("%q: drafts %t, writes %t; want %t, false", id, may, writes, want)
		}
	}
}
