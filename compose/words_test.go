package compose

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/page"
	"github.com/motacilla-live/motacilla/page/languages"
)

// TestWords: each language has the words of English, with its placeholders, and the plural categories that pages have in it. There is
// no language that pages do not have.
func TestWords(t *testing.T) {
	all, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	set, err := languages.New()
	if err != nil {
		t.Fatal(err)
	}
	english := all.byTag["en"]
	for tag, w := range all.byTag {
		l, err := set.Language(tag)
		if err != nil || l.Tag != tag {
			t.Errorf("%s: pages have no such language (%v)", tag, err)
			continue
		}
		if got, want := slices.Sorted(maps.Keys(w.Words)), slices.Sorted(maps.Keys(english.Words)); !slices.Equal(got, want) {
			t.Errorf("%s: the words are %q, want %q", tag, got, want)
		}
		if got, want := slices.Sorted(maps.Keys(w.Plurals)), slices.Sorted(maps.Keys(english.Plurals)); !slices.Equal(got, want) {
			t.Errorf("%s: the plurals are %q, want %q", tag, got, want)
		}
		for key, text := range w.Words {
			if text == "" || !slices.Equal(holes(text), holes(english.Words[key])) {
				t.Errorf("%s: %s is %q; in English it is %q", tag, key, text, english.Words[key])
			}
		}
		for key, forms := range w.Plurals {
			if got, want := slices.Sorted(maps.Keys(forms)), slices.Sorted(maps.Keys(l.Plurals["new_posts"])); !slices.Equal(got, want) {
				t.Errorf("%s: %s has the categories %q, want %q", tag, key, got, want)
			}
			want := holes(english.Plurals[key]["other"])
			for category, text := range forms {
				few := slices.Contains([]string{"zero", "one", "two"}, category) // these may say the number in words
				got := slices.DeleteFunc(holes(text), func(hole string) bool { return few && hole == "{count}" })
				with := slices.DeleteFunc(slices.Clone(want), func(hole string) bool { return few && hole == "{count}" })
				if text == "" || !slices.Equal(got, with) {
					t.Errorf("%s: %s.%s is %q; in English it is %q", tag, key, category, text, english.Plurals[key]["other"])
				}
			}
		}
	}
}

// TestWordsFallBack: what a language lacks is as in the language that its tag falls back to, and in the end as in English.
func TestWordsFallBack(t *testing.T) {
	forms := map[string]string{"other": "{count}"}
	w := &words{map[string]wordFile{
		"en": {Words: map[string]string{"a": "en", "b": "en", "c": "en", "d": "en"}, Plurals: map[string]map[string]string{"n": forms}},
		"pt": {Words: map[string]string{"b": "pt", "c": "pt", "d": "pt"}}, "pt-BR": {Words: map[string]string{"c": "br", "d": "br"}},
	}}
	for tag, want := range map[string]string{"pt-BR": "en pt br own", "pt": "en pt pt own", "en": "en en en own", "pl": "en en en own"} {
		texts, plurals := w.of(&page.Language{Tag: tag, Words: map[string]string{"desk_d": "own", "own_x": "x", "badge": "Live"}})
		got := strings.Join([]string{texts["a"], texts["b"], texts["c"], texts["d"]}, " ")
		if got != want || len(texts) != 4 || plurals["n"]["other"] != "{count}" {
			t.Errorf("%s: %v %v", tag, texts, plurals)
		}
	}
}

// said finds the words that the program says.
var said = regexp.MustCompile(`\bt(n?)\(\s*"([A-Za-z0-9_]+)"`)

// TestWordsOfTheProgram: the program says no word that there is not.
func TestWordsOfTheProgram(t *testing.T) {
	all, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	english := all.byTag["en"]
	err = filepath.WalkDir("client", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			return err
		}
		if ext := filepath.Ext(path); ext != ".ts" && ext != ".tsx" {
			return nil
		}
		source, err := os.ReadFile(path)
		for _, m := range said.FindAllStringSubmatch(string(source), -1) {
			_, known := english.Words[m[2]]
			if m[1] == "n" {
				_, known = english.Plurals[m[2]]
			}
			if !known {
				t.Errorf("%s: words/en.yaml has no %s", path, m[2])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
