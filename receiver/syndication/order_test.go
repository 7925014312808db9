package syndication

import (
	"strings"
	"testing"
)

// list makes entries of letters. An upper-case letter is an entry that was withdrawn.
func list(letters string) []seen {
	var all []seen
	for _, l := range letters {
		all = append(all, seen{ID: strings.ToLower(string(l)), Gone: strings.ToUpper(string(l)) == string(l)})
	}
	return all
}

func letters(all []seen) string {
	s := ""
	for _, e := range all {
		s += e.ID
	}
	return s
}

func TestMergeAndWithdrawn(t *testing.T) {
	for _, c := range []struct{ name, before, now, merged, gone string }{
		{"the first time", "", "abc", "abc", ""},
		{"nothing new", "abc", "abc", "abc", ""},
		{"a new one", "abc", "xabc", "xabc", ""},
		{"one fell off the end", "abc", "xab", "xabc", ""},
		{"all fell off the end", "abc", "xyz", "xyzabc", ""},
		{"withdrawn", "abc", "ac", "abc", "b"},
		{"withdrawn while a new one came and one fell off", "abcd", "xac", "xabcd", "b"},
		{"the newest went: it may come again", "abc", "bc", "abc", ""},
		{"the newest went, and a newer one came", "abc", "xbc", "xabc", "a"},
		{"the last ones went", "abc", "a", "abc", ""},
		{"the feed is empty", "abc", "", "abc", ""},
		{"two in the middle", "abcd", "ad", "abcd", "bc"},
		{"was withdrawn before", "aBc", "ac", "abc", ""},
		{"the end is shown again", "abcd", "abd", "abcd", "c"},
		{"a new one in the middle", "abc", "axbc", "axbc", ""},
	} {
		now := list(c.now)
		all := merge(list(c.before), now, 100)
		if got := letters(all); got != c.merged {
			t.Errorf("%s: merged %q, want %q", c.name, got, c.merged)
		}
		gone := ""
		for _, i := range withdrawn(all, idsOf(now)) {
			gone += all[i].ID
		}
		if gone != c.gone {
			t.Errorf("%s: withdrawn are %q, want %q", c.name, gone, c.gone)
		}
	}
	if got := letters(merge(list("abcdef"), list("xyz"), 5)); got != "xyzab" {
		t.Errorf("at most five: %q", got)
	}
}

func TestAdvance(t *testing.T) {
	at := func(minute int, hash string) entry {
		e := entry{id: "1", hash: hash}
		if minute > 0 {
			e.updated = noon.AddDate(0, 0, minute)
		}
		return e
	}
	first, write := advance(seen{}, false, at(1, "a"))
	if !write || first.Version != noon.AddDate(0, 0, 1).UnixMicro() {
		t.Fatalf("a new entry: %+v, %v", first, write)
	}
	for _, c := range []struct {
		name   string
		before seen
		e      entry
		write  bool
		grows  bool
	}{
		{"the same", first, at(1, "a"), false, false},
		{"newer", first, at(2, "b"), true, true},
		{"older", first, at(-1, "b"), true, true}, // it has no date, so its words decide
		{"an older version", seen{ID: "1", Hash: "b", Updated: noon.AddDate(0, 0, 3).UnixMicro(), Version: 9}, at(2, "a"), false, false},
		{"other words with the same date", first, at(1, "b"), true, true},
		{"withdrawn", seen{ID: "1", Gone: true}, at(2, "b"), false, false},
		{"skipped", seen{ID: "1", Skipped: true}, at(2, "b"), false, true},
	} {
		next, write := advance(c.before, true, c.e)
		if write != c.write || next.Version > c.before.Version != c.grows {
			t.Errorf("%s: %+v, %v", c.name, next, write)
		}
		if next.Skipped != c.before.Skipped || next.Gone != c.before.Gone {
			t.Errorf("%s: forgot what was noted: %+v", c.name, next)
		}
	}
}
