package languages_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/page/languages"
)

func all(t *testing.T) *languages.Set {
	t.Helper()
	set, err := languages.New()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestComplete: each language has all words, the placeholders of English, and the plural categories that CLDR 48 has for
// it, also those of millions.
func TestComplete(t *testing.T) {
	set := all(t)
	cldr := map[string][]string{
		"ar": {"few", "many", "one", "other", "two", "zero"}, "de": {"one", "other"}, "en": {"one", "other"},
		"es": {"many", "one", "other"}, "fr": {"many", "one", "other"}, "pt": {"many", "one", "other"},
	}
	if got := set.Tags(); len(got) != len(cldr) {
		t.Errorf("languages are %q", got)
	}
	english := page.English()
	for tag, want := range cldr {
		l, err := set.Language(tag)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Validate(); err != nil {
			t.Errorf("%s: %v", tag, err)
		}
		for key, forms := range l.Plurals {
			var got []string
			for category := range forms {
				got = append(got, category)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %s has the categories %q, want %q", tag, key, got, want)
			}
		}
		if rtl := l.Direction == "rtl"; rtl != (tag == "ar") {
			t.Errorf("%s is written %s", tag, l.Direction)
		}
		same := 0
		for key, word := range l.Words {
			if tag != "en" && word == english.Words[key] {
				same++
			}
		}
		if same > 1 { // "Live" is a German word too
			t.Errorf("%s: %d words are those of English", tag, same)
		}
	}
}

// TestEnglish: the file that translators copy has the words that package page has built in.
func TestEnglish(t *testing.T) {
	got, err := all(t).Language("en")
	if err != nil {
		t.Fatal(err)
	}
	if want := page.English(); !reflect.DeepEqual(got, want) {
		t.Errorf("words/en.yaml and page.English differ:\n%v\n%v", got, want)
	}
}

func TestFallBack(t *testing.T) {
	set := all(t)
	for tag, want := range map[string]string{"de": "de", "de-AT": "de", "pt-BR": "pt", "ar-EG": "ar", "en-GB": "en", "DE": "de"} {
		if l, err := set.Language(tag); err != nil || l.Tag != want {
			t.Errorf("%s: %v, %v", tag, l, err)
		}
	}
	for tag, want := range map[string]string{
		"pl": `there is no language "pl"; there are ar, de, en, es, fr, pt`, "no tag": `"no tag" must be a BCP 47 tag`, "": "BCP 47",
	} {
		if _, err := set.Language(tag); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want %s", tag, err, want)
		}
	}
}

// polish returns a whole file for Polish, which needs four plural categories, with the words of English.
func polish(t *testing.T) string {
	t.Helper()
	english, err := languages.File("en")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(english), "language: en", "language: pl")
	return strings.ReplaceAll(text, "    other:", "    few: \"{count} few\"\n    many: \"{count} many\"\n    other:")
}

func TestFiles(t *testing.T) {
	set := all(t)
	more, err := set.With(fstest.MapFS{
		"pl.yaml":    {Data: []byte(polish(t))},
		"de.yaml":    {Data: []byte("language: de\nwords: {badge: Jetzt, own_sponsor: Präsentiert von}")},
		"README.txt": {Data: []byte("no language")},
		".#de.yaml":  {Data: []byte("an editor's")},
	})
	if err != nil {
		t.Fatal(err)
	}
	pl, err := more.Language("pl")
	if err != nil || pl.Plurals["new_posts"]["few"] != "{count} few" {
		t.Errorf("Polish: %v, %v", pl, err)
	}
	de, err := more.Language("de")
	if err != nil || de.Words["badge"] != "Jetzt" || de.Words["pinned"] != "Angeheftet" || de.Words["own_sponsor"] != "Präsentiert von" {
		t.Errorf("German: %v, %v", de, err)
	}
	if de, err := set.Language("de"); err != nil || de.Words["badge"] == "Jetzt" {
		t.Error("the set without the files changed")
	}
}

func TestWrongFiles(t *testing.T) {
	set, whole := all(t), polish(t)
	for _, tt := range []struct{ name, text, want string }{
		{"no tag", "words: {badge: x}", `x.yaml: language: must be a BCP 47 tag, such as de or pt-BR, not ""`},
		{"not YAML", "language: [", "x.yaml: yaml: line 1"},
		{"an unknown field", "language: de\nword: {badge: x}", "line 2: field word not found"},
		{"a missing word", strings.Replace(whole, "  pinned: Pinned\n", "", 1), `x.yaml: pinned: is missing; in English it is "Pinned"`},
		{"an unknown word", "language: de\nwords: {bagde: x}", "bagde: there is no such word; a word for your own templates begins with own_"},
		{"a lost placeholder", "language: de\nwords: {edited: Bearbeitet}", `edited: must have {time}, as in English: "Edited {time}"`},
		{"two mistakes", "language: de\nwords: {edited: Bearbeitet, bagde: x}",
			"Edited {time}\"\nx.yaml: bagde: there is no such word"},
		{"a category of the language is missing", strings.ReplaceAll(whole, "    few: \"{count} few\"\n", ""),
			"new_posts: must have the plural category few, which pl needs"},
		{"other is missing", "language: de\nplurals: {new_posts: {one: x}}", "new_posts: must have the plural category other"},
		{"no category", "language: de\nplurals: {new_posts: {one: x, some: x, other: '{count}'}}",
			"new_posts.some: must be one of the plural categories"},
		{"no number", "language: de\nplurals: {new_posts: {one: x, other: neue}}", "new_posts.other: must have the placeholder {count}"},
		{"no direction", strings.Replace(whole, "direction: ltr", "direction: up", 1), `direction: must be ltr or rtl, not "up"`},
		{"months", "language: de\nmonths: [Januar]", "months: must be the names of twelve months, not 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := set.With(fstest.MapFS{"x.yaml": {Data: []byte(tt.text)}})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v\nwant %s", err, tt.want)
			}
		})
	}
}
