package motacilla

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
)

var channelIDs = map[string]bool{
	"match-42": true, "a": true, "A.b_c~d:e@f+g": true, "...a": true, "-": true, strings.Repeat("x", 255): true,
	"": false, ".": false, "..": false, "...": false, strings.Repeat("x", 256): false, "a/b": false, "a b": false, "é": false,
	"a\x00": false, "a%20": false, "a\n": false, "\xff": false, "a?b": false, "<b>": false,
}

func TestParseChannelID(t *testing.T) {
	for s, good := range channelIDs {
		id, err := ParseChannelID(s)
		if (err == nil) != good || good && string(id) != s || !good && (!errors.Is(err, ErrInvalid) || id != "") {
			t.Errorf("%q: %q, %v", s, id, err)
		}
	}
}

func FuzzParseChannelID(f *testing.F) {
	for s := range channelIDs {
		f.Add(s)
	}
	form := regexp.MustCompile(`\A[A-Za-z0-9._~:@+-]{1,255}\z`)
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseChannelID(s)
		if good := form.MatchString(s) && strings.Trim(s, ".") != ""; (err == nil) != good || good && string(id) != s {
			t.Fatalf("%q: %q, %v", s, id, err)
		}
	})
}

func TestChannelAmend(t *testing.T) {
	// A store may hand over times in another zone: that is no change.
	made := time.Date(2025, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	c := Channel{ID: "c", Title: "t", Access: Public, Created: made, Ended: made, Changed: 5, Head: 7}
	for name, k := range map[string]struct {
		edit    func(*Channel)
		changed bool
	}{
		"nothing":        {func(*Channel) {}, false},
		"what must stay": {func(c *Channel) { c.ID, c.Changed, c.Head, c.Created = "d", 8, 9, time.Time{} }, false},
		"same instant":   {func(c *Channel) { c.Ended = c.Ended.UTC().Add(time.Nanosecond) }, false},
		"title":          {func(c *Channel) { c.Title = "u" }, true},
		"access":         {func(c *Channel) { c.Access = Private }, true},
		"reopened":       {func(c *Channel) { c.Ended = time.Time{} }, true},
	} {
		next := c
		k.edit(&next)
		got, changed, err := c.Amend(next)
		if err != nil || changed != k.changed || got.ID != "c" || got.Changed != 5 || got.Head != 7 || !got.Created.Equal(made) {
			t.Errorf("%s: %+v, %t, %v", name, got, changed, err)
		}
		if !changed && got != c {
			t.Errorf("%s: nothing changed, but %+v", name, got)
		}
	}
	for field, edit := range map[string]func(*Channel){
		"title":  func(c *Channel) { c.Title = strings.Repeat("x", MaxTitle+1) },
		"access": func(c *Channel) { c.Access = "secret" },
		"ended":  func(c *Channel) { c.Ended = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		var f *FieldError
		next := c
		edit(&next)
		got, changed, err := c.Amend(next)
		if !errors.As(err, &f) || f.Field != field || changed || got != c {
			t.Errorf("%s: %+v, %t, %v", field, got, changed, err)
		}
	}
}
