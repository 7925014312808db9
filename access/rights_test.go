package access_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/access"
	"github.com/motacilla-live/motacilla/route"
	"pgregory.net/rapid"
)

var (
	everyRole   = []access.Role{access.Reader, access.Contributor, access.Editor, access.Admin}
	everyAction = []route.Action{route.Read, route.Draft, route.Write, route.Manage}
)

// What each role may do: on all channels, and on match-* and final.
func TestRoles(t *testing.T) {
	may := map[access.Role]string{ // of read, draft, write, manage
		access.Reader: "read", access.Contributor: "read draft", access.Editor: "read draft write", access.Admin: "read draft write manage",
	}
	for _, role := range everyRole {
		for _, action := range everyAction {
			permits := slices.Contains(strings.Fields(may[role]), string(action))
			for _, c := range []struct {
				patterns []string
				channel  motacilla.ChannelID
				on       bool // the right is on that channel
			}{
				{nil, "", true}, {nil, "any", true},
				{[]string{"match-*", "final"}, "match-", true}, {[]string{"match-*", "final"}, "match-42", true},
				{[]string{"match-*", "final"}, "final", true}, {[]string{"match-*", "final"}, "finale", false},
				{[]string{"match-*", "final"}, "other", false}, {[]string{"match-*", "final"}, "a-match-1", false},
				{[]string{"match-*", "final"}, "", action != route.Manage},
				{[]string{"[ab]?"}, "a1", true}, {[]string{"[ab]?"}, "c1", false}, {[]string{"[ab]?"}, "a", false},
			} {
				rights := access.Rights{{Role: role, Channels: c.patterns}}
				if got := rights.Allow(c.channel, action); got != (permits && c.on) {
					t.Errorf("%s on %v: %s on %q is %v", role, c.patterns, action, c.channel, got)
				}
			}
		}
		if role.Allows("fly") || role.Allows("") {
			t.Errorf("%s may do what is no action", role)
		}
	}
	if (access.Rights{{Role: "chief"}}).Allow("any", route.Read) || (access.Rights{}).Allow("any", route.Read) {
		t.Error("no role may read")
	}
	several := access.Rights{{Role: access.Reader}, {Role: access.Admin, Channels: []string{"final"}}}
	if !several.Allow("final", route.Manage) || several.Allow("other", route.Draft) || !several.Allow("other", route.Read) || several.Allow("", route.Manage) {
		t.Error("the greatest right on a channel does not count")
	}
}

func TestParseRights(t *testing.T) {
	rs, err := access.ParseRights([]string{"editor", "contributor:match-*,final", "reader:a:b"})
	want := access.Rights{{Role: "editor"}, {"contributor", []string{"match-*", "final"}}, {"reader", []string{"a:b"}}}
	if err != nil || !reflect.DeepEqual(rs, want) {
		t.Errorf("parsed %+v, %v", rs, err)
	}
	for _, c := range []struct {
		rights []string
		field  string
	}{
		{[]string{""}, "role"}, {[]string{"Editor"}, "role"}, {[]string{"chief:final"}, "role"}, {[]string{"editor "}, "role"},
		{[]string{"editor:"}, "channels"}, {[]string{"editor:a,"}, "channels"}, {[]string{"editor:[a"}, "channels"},
		{[]string{"editor:x[a"}, "channels"}, {[]string{"editor:a/b"}, "channels"}, {[]string{"editor:" + strings.Repeat("a", 256)}, "channels"},
		{[]string{"editor:\xff"}, "channels"}, {[]string{"editor:[a,b]"}, "channels"},
		{[]string{"editor:" + strings.Repeat("a,", 1000) + "a"}, "channels"},
		{slices.Repeat([]string{"editor"}, 101), "rights"},
	} {
		_, err := access.ParseRights(c.rights)
		var field *motacilla.FieldError
		if !errors.As(err, &field) || field.Field != c.field {
			t.Errorf("%.60q: %v, want the field %s", c.rights, err, c.field)
		}
	}
	if err := (access.Rights{{access.Editor, []string{"[a,b]"}}}).Validate(); err == nil {
		t.Error("a pattern with a comma is taken, and can't be written")
	}
}

// Rights that are taken can be written and parsed again, and cover themselves.
func FuzzParseRights(f *testing.F) {
	f.Add("editor contributor:match-*,final")
	f.Add("admin:[a-z]? reader")
	f.Add(`reader:\a,[^a]`)
	f.Add("editor: x")
	f.Fuzz(func(t *testing.T, s string) {
		rs, err := access.ParseRights(strings.Split(s, " "))
		if err != nil {
			if !errors.Is(err, motacilla.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		var again []string
		for _, r := range rs {
			again = append(again, r.String())
		}
		if parsed, err := access.ParseRights(again); err != nil || !reflect.DeepEqual(parsed, rs) {
			t.Fatalf("%q is written as %q, and parsed as %v, %v", s, again, parsed, err)
		}
		if !rs.Covers(rs) {
			t.Fatalf("%q do not cover themselves", s)
		}
		for _, action := range everyAction {
			if rs.Allow("some", action) && !rs.Allow("", action) && action != route.Manage {
				t.Fatalf("%q: %s on a channel, and on none", s, action)
			}
		}
	})
}

// Whoever covers the rights of others may do whatever they may.
func TestCovers(t *testing.T) {
	rights := rapid.Custom(func(t *rapid.T) access.Rights {
		return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) access.Right {
			return access.Right{
				Role:     rapid.SampledFrom(everyRole).Draw(t, "role"),
				Channels: rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab", "a*", "*", "?", "[ab]", "[^a]", `\a`, "a-?"}), 0, 3).Draw(t, "channels"),
			}
		}), 0, 3).Draw(t, "rights")
	})
	covered := 0
	rapid.Check(t, func(t *rapid.T) {
		mine, others := rights.Draw(t, "mine"), rights.Draw(t, "others")
		if !mine.Covers(mine) || !(access.Rights{{Role: access.Admin}}).Covers(mine) {
			t.Fatalf("%v do not cover themselves, or are more than everything", mine)
		}
		if !mine.Covers(others) {
			return
		}
		covered++
		for _, ch := range []motacilla.ChannelID{"", "a", "b", "c", "ab", "a-1", "xyz"} {
			for _, action := range everyAction {
				if others.Allow(ch, action) && !mine.Allow(ch, action) {
					t.Fatalf("%v cover %v, which permit %s on %q", mine, others, action, ch)
				}
			}
		}
	})
	if covered == 0 {
		t.Error("no rights covered others")
	}
}
