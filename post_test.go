package motacilla

import (
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestNewPostID(t *testing.T) {
	seen := map[PostID]bool{}
	last := ""
	for i := range 2000 {
		at := time.UnixMilli(1763890000000 + int64(i/2))
		id := NewPostID(at)
		if got, err := ParsePostID(string(id)); err != nil || got != id {
			t.Fatal(id, err)
		}
		raw, err := hex.DecodeString(strings.ReplaceAll(string(id), "-", ""))
		if err != nil || raw[6]>>4 != 7 || raw[8]>>6 != 2 {
			t.Fatalf("%s: version or variant", id)
		}
		ms := int64(raw[0])<<40 | int64(raw[1])<<32 | int64(raw[2])<<24 | int64(raw[3])<<16 | int64(raw[4])<<8 | int64(raw[5])
		if ms != at.UnixMilli() {
			t.Fatalf("%s: %d ms", id, ms)
		}
		if seen[id] || string(id[:13]) < last {
			t.Fatalf("%s: seen %t, after %s", id, seen[id], last)
		}
		seen[id], last = true, string(id[:13])
	}
	if _, err := ParsePostID(string(NewPostID(time.Time{}))); err != nil {
		t.Error(err)
	}
}

var badPostIDs = []string{
	"", "x", "019aae1e-0000-4000-8000-000000000000", "019aae1e-0000-7000-c000-000000000000",
	"019AAE1E-0000-7000-8000-000000000000", "019aae1e00007000800000000000000000", "{19aae1e-0000-7000-8000-00000000000}",
	"019aae1e-0000-7000-8000-00000000000g", "019aae1e-0000-7000-8000-0000000000000", "019aae1e-0000-7000-8000-00000000000\x00",
	"019aae1e-0000-7000-8000-000000000\xe2\x80\xa8", "019aae1e_0000-7000-8000-000000000000",
}

func TestParsePostIDRefuses(t *testing.T) {
	for _, s := range badPostIDs {
		var f *FieldError
		if _, err := ParsePostID(s); !errors.As(err, &f) || f.Field != "post_id" || !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func FuzzParsePostID(f *testing.F) {
	for _, s := range append([]string{string(NewPostID(time.UnixMilli(1)))}, badPostIDs...) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParsePostID(s)
		raw, hexErr := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
		good := hexErr == nil && len(raw) == 16 && len(s) == 36 && s == strings.ToLower(s) && raw[6]>>4 == 7 && raw[8]>>6 == 2 &&
			s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-'
		if (err == nil) != good || good && string(id) != s {
			t.Fatalf("%q: %q, %v", s, id, err)
		}
	})
}

const rev1, rev2 = Revision(1763890000456789), Revision(1763890009000000)

func TestAdmit(t *testing.T) {
	content := []Block{{Type: TextBlock, Text: TrustedHTML("a"), URL: "lost in JSON"}}
	p, err := Post{Content: content, Created: time.Date(2025, 1, 2, 3, 4, 5, 6789, time.FixedZone("", 3600))}.Admit(rev1)
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2025, 1, 2, 2, 4, 5, 6000, time.UTC); p.Created != want || p.Modified != want || p.Edited() {
		t.Errorf("created %v, modified %v", p.Created, p.Modified)
	}
	content[0] = PlainText("changed by the caller")
	if p.Content[0] != PlainText("a") || p.Revision != rev1 || p.ID == "" {
		t.Errorf("%+v", p)
	}
	p, err = Post{Created: time.Time{}.Add(time.Nanosecond)}.Admit(rev1)
	if err != nil || p.Created != rev1.Time() {
		t.Errorf("created %v, %v; a time that is cut to none is none", p.Created, err)
	}
}

func TestAdmitRefuses(t *testing.T) {
	long := strings.Repeat("x", MaxID+1)
	for field, p := range map[string]Post{
		"id":                   {ID: "1"},
		"message_id":           {MessageID: long},
		"source":               {Source: "\xff"},
		"author":               {Author: "a\x00"},
		"created":              {Created: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"content":              {Content: make([]Block, MaxBlocks+1)},
		"content[0].type":      {Content: []Block{{Type: "video"}}},
		"content[1].value.url": {Content: []Block{PlainText("a"), {Type: EmbedBlock, URL: "javascript:alert(1)"}}},
	} {
		var f *FieldError
		if _, err := p.Admit(rev1); !errors.As(err, &f) || f.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	half := PlainText(strings.Repeat("x", MaxText/2))
	if _, err := (Post{Content: []Block{half, half}}).Admit(rev1); err != nil {
		t.Error(err)
	}
	if _, err := (Post{Content: []Block{half, half, PlainText("x")}}).Admit(rev1); !errors.Is(err, ErrInvalid) {
		t.Error("more than MaxText over all blocks was taken")
	}
}

func admitted(t *testing.T) Post {
	t.Helper()
	p, err := Post{MessageID: "m", Source: "webapp", Author: "ann", Show: true, Content: []Block{
		PlainText("a"), {Type: EmbedBlock, URL: "https://example.org/"}, {Type: ImageBlock, Media: "m", Pending: true, Alt: "a"},
	}}.Admit(rev1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAmend(t *testing.T) {
	earlier := rev1.Time().Add(-time.Hour)
	for name, c := range map[string]struct {
		edit     func(*Post)
		changed  bool
		modified time.Time
	}{
		"nothing":           {func(*Post) {}, false, rev1.Time()},
		"same content":      {func(p *Post) { p.Content = slices.Clone(p.Content) }, false, rev1.Time()},
		"what must stay":    {func(p *Post) { p.ID, p.MessageID, p.Source, p.Revision = "x", "y", "z", 5 }, false, rev1.Time()},
		"modified by hand":  {func(p *Post) { p.Modified = earlier }, false, rev1.Time()},
		"created cleared":   {func(p *Post) { p.Created = time.Time{} }, false, rev1.Time()},
		"created elsewhere": {func(p *Post) { p.Created = p.Created.In(time.FixedZone("", 60)) }, false, rev1.Time()},
		"a foreign field":   {func(p *Post) { p.Content[0].URL = "u" }, false, rev1.Time()},
		"content":           {func(p *Post) { p.Content = []Block{PlainText("b")} }, true, rev2.Time()},
		"content in place":  {func(p *Post) { p.Content[0] = PlainText("b") }, true, rev2.Time()},
		"author":            {func(p *Post) { p.Author = "bob" }, true, rev2.Time()},
		"hidden":            {func(p *Post) { p.Show = false }, true, rev1.Time()},
		"pinned":            {func(p *Post) { p.Pinned = true }, true, rev1.Time()},
		"key event":         {func(p *Post) { p.KeyEvent = true }, true, rev1.Time()},
		"version":           {func(p *Post) { p.SourceVersion++ }, true, rev1.Time()},
		"card":              {func(p *Post) { p.Content[1].Card.Title = "t" }, true, rev1.Time()},
		"image arrives":     {func(p *Post) { p.Content[2].Pending, p.Content[2].URL, p.Content[2].Width = false, "/media/m/1.jpg", 2 }, true, rev1.Time()},
		"alternative text":  {func(p *Post) { p.Content[2].Alt = "b" }, true, rev2.Time()},
		"another page":      {func(p *Post) { p.Content[1].URL += "b" }, true, rev2.Time()},
		"backdated":         {func(p *Post) { p.Created = earlier }, true, earlier},
	} {
		t.Run(name, func(t *testing.T) {
			p := admitted(t)
			before := p.Clone()
			next := p.Clone()
			c.edit(&next)
			got, changed, err := p.Amend(next, rev2)
			if err != nil || changed != c.changed {
				t.Fatalf("changed %t, %v", changed, err)
			}
			if !reflect.DeepEqual(p, before) {
				t.Error("the post itself was changed")
			}
			if !changed && !reflect.DeepEqual(got, before) {
				t.Errorf("nothing changed, but %+v", got)
			}
			if changed && got.Revision != rev2 {
				t.Errorf("revision %d", got.Revision)
			}
			if got.ID != p.ID || got.MessageID != "m" || got.Source != "webapp" || !got.Modified.Equal(c.modified) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestAmendKeepsNoSliceOfTheCaller(t *testing.T) {
	p := admitted(t)
	next := p
	next.Content = []Block{PlainText("b")}
	got, _, err := p.Amend(next, rev2)
	next.Content[0] = PlainText("later")
	if err != nil || !slices.Equal(got.Content, []Block{PlainText("b")}) {
		t.Error(got.Content, err)
	}
}

func TestAmendRefuses(t *testing.T) {
	p := admitted(t)
	next := p
	next.Author = strings.Repeat("x", MaxID+1)
	got, changed, err := p.Amend(next, rev2)
	if !errors.Is(err, ErrInvalid) || changed || !reflect.DeepEqual(got, p) {
		t.Errorf("%+v, %t, %v", got, changed, err)
	}
}
