package route

import (
	"strings"
	"testing"
)

func FuzzCondition(f *testing.F) {
	for _, s := range []string{"", "*", `"1"`, `W/"1"`, `"1", "2"`, `"1",,"2"`, `"1" "2"`, `"`,
		`W/`, `w/"1"`, `"a,b"`, ", ,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := parseCondition(s)
		if !ok {
			return
		}
		if !c.any && len(c.tags) == 0 {
			t.Fatalf("%q names no tag, and is accepted", s)
		}
		again, ok := parseCondition(strings.Join(c.tags, ", "))
		if !c.any && (!ok || len(again.tags) != len(c.tags)) {
			t.Fatalf("%q: its tags %q are read as %q", s, c.tags, again.tags)
		}
		if c.Strong(`"1"`) && !c.Weak(`"1"`) {
			t.Fatalf("%q names the tag strongly, but not weakly", s)
		}
		if c.Strong(`"1"`) && !c.any && !strings.Contains(s, `"1"`) {
			t.Fatalf("%q names the tag 1", s)
		}
	})
}
