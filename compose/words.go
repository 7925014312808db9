package compose

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/motacilla-live/motacilla/page"
	"go.yaml.in/yaml/v3"
)

//go:embed words/*.yaml
var wordFiles embed.FS

// words are the texts of the desk in several languages.
type words struct{ byTag map[string]wordFile }

// wordFile is a file of words.
type wordFile struct {
	Language string                       `yaml:"language"`
	Words    map[string]string            `yaml:"words"`
	Plurals  map[string]map[string]string `yaml:"plurals"` // by key and plural category
}

// ownPrefix is how the keys of the desk's words begin in a look's own files of languages.
const ownPrefix = page.DeskWord

func readWords() (*words, error) {
	entries, err := wordFiles.ReadDir("words")
	if err != nil {
		return nil, err
	}
	all := &words{map[string]wordFile{}}
	for _, e := range entries {
		text, err := wordFiles.ReadFile("words/" + e.Name())
		if err != nil {
			return nil, err
		}
		var f wordFile
		d := yaml.NewDecoder(bytes.NewReader(text))
		d.KnownFields(true)
		if err := d.Decode(&f); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		all.byTag[f.Language] = f
	}
	return all, nil
}

// of returns the words of a language. What it lacks is as in the language that its tag falls back to, and in the end as in English.
func (w *words) of(l *page.Language) (map[string]string, map[string]map[string]string) {
	texts, plurals := map[string]string{}, map[string]map[string]string{}
	base, _, _ := strings.Cut(l.Tag, "-")
	for _, tag := range []string{"en", base, l.Tag} {
		maps.Copy(texts, w.byTag[tag].Words)
		maps.Copy(plurals, w.byTag[tag].Plurals)
	}
	for key, text := range l.Words {
		if own, is := strings.CutPrefix(key, ownPrefix); is {
			texts[own] = text
		}
	}
	for key, forms := range l.Plurals {
		if own, is := strings.CutPrefix(key, ownPrefix); is {
			plurals[own] = forms
		}
	}
	return texts, plurals
}

// check returns what is wrong with the desk's words in a look's own files.
func (w *words) check(languages []*page.Language) error {
	english := w.byTag["en"]
	var errs []error
	for _, l := range languages {
		for _, key := range slices.Sorted(maps.Keys(l.Words)) {
			own, is := strings.CutPrefix(key, ownPrefix)
			if !is {
				continue
			}
			if text, known := english.Words[own]; !known {
				errs = append(errs, fmt.Errorf("the language %s: %s: there is no such word", l.Tag, key))
			} else if !slices.Equal(holes(text), holes(l.Words[key])) {
				errs = append(errs, fmt.Errorf("the language %s: %s: must have the placeholders of English: %q", l.Tag, key, text))
			}
		}
		for _, key := range slices.Sorted(maps.Keys(l.Plurals)) {
			if own, is := strings.CutPrefix(key, ownPrefix); is && english.Plurals[own] == nil {
				errs = append(errs, fmt.Errorf("the language %s: %s: there is no such plural", l.Tag, key))
			}
		}
	}
	return errors.Join(errs...)
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// holes returns the placeholders of a text, sorted.
func holes(text string) []string {
	found := placeholder.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}
