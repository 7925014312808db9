// Package languages has the words of the live page in English, German, French, Spanish, Portuguese and Arabic, and reads
// more languages from files. The file words/en.yaml says what each text is for.
package languages

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/motacilla-live/motacilla/page"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
)

//go:embed words/*.yaml
var embedded embed.FS

// Set is a set of languages. It does not change. It may be used by several goroutines at once.
type Set struct{ byTag map[string]*page.Language }

var _ page.Languages = (*Set)(nil)

// New returns the languages of this package.
func New() (*Set, error) {
	folder, err := fs.Sub(embedded, "words")
	if err != nil {
		return nil, err
	}
	return (&Set{}).read(folder)
}

// Language returns the language of a BCP 47 tag or, if there is none, the one that the tag falls back to: pt for pt-BR, de
// for de-AT-1996. If there is none either, the error is a page.UnknownLanguageError.
func (s *Set) Language(tag string) (*page.Language, error) {
	t, err := language.Parse(tag)
	if err != nil {
		return nil, fmt.Errorf("%q must be a BCP 47 tag, such as de or pt-BR: %w", tag, err)
	}
	for ; t != language.Und; t = t.Parent() {
		if l, ok := s.byTag[t.String()]; ok {
			return l, nil
		}
	}
	return nil, &page.UnknownLanguageError{Tag: tag, Tags: s.Tags()}
}

// Tags returns the tags of all languages in alphabetical order.
func (s *Set) Tags() []string { return slices.Sorted(maps.Keys(s.byTag)) }

// With returns the languages of s and those of the files *.yaml in a folder. A file of a language that is in s replaces
// the words that it has and may leave out the others. A file of another language must be complete.
func (s *Set) With(folder fs.FS) (page.Languages, error) { return s.read(folder) }

func (s *Set) read(folder fs.FS) (*Set, error) {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return nil, err
	}
	next := &Set{byTag: maps.Clone(s.byTag)}
	if next.byTag == nil {
		next.byTag = map[string]*page.Language{}
	}
	var errs []error
	for _, e := range entries {
		if e.IsDir() || path.Ext(e.Name()) != ".yaml" || strings.HasPrefix(e.Name(), ".") { // files of editors begin with a dot
			continue
		}
		text, err := fs.ReadFile(folder, e.Name())
		if err == nil {
			err = next.add(text)
		}
		if err != nil {
			errs = append(errs, inFile(e.Name(), err))
		}
	}
	return next, errors.Join(errs...)
}

// inFile names the file in front of err. If err joins several errors, it does so in front of each, for each is a line.
func inFile(name string, err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("%s: %w", name, err)
	}
	var errs []error
	for _, e := range joined.Unwrap() {
		errs = append(errs, inFile(name, e))
	}
	return errors.Join(errs...)
}

// file is a file of words.
type file struct {
	Language  string                       `yaml:"language"`
	Direction string                       `yaml:"direction"`
	Months    []string                     `yaml:"months"`
	Words     map[string]string            `yaml:"words"`
	Plurals   map[string]map[string]string `yaml:"plurals"`
}

// add reads a file into the set.
func (s *Set) add(text []byte) error {
	var f file
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return err // it names the line
	}
	tag, err := language.Parse(f.Language)
	if err != nil {
		return fmt.Errorf("language: must be a BCP 47 tag, such as de or pt-BR, not %q", f.Language)
	}
	l := &page.Language{Tag: tag.String(), Direction: f.Direction, Months: f.Months, Words: f.Words, Plurals: f.Plurals}
	if before := s.byTag[l.Tag]; before != nil {
		l = over(before, l)
	}
	if err := errors.Join(l.Validate(), categories(tag, l)); err != nil {
		return err
	}
	s.byTag[l.Tag] = l
	return nil
}

// over returns before with what l has.
func over(before, l *page.Language) *page.Language {
	next := *before
	if l.Direction != "" {
		next.Direction = l.Direction
	}
	if len(l.Months) > 0 {
		next.Months = l.Months
	}
	next.Words = maps.Clone(before.Words)
	maps.Copy(next.Words, l.Words)
	next.Plurals = maps.Clone(before.Plurals)
	maps.Copy(next.Plurals, l.Plurals)
	return &next
}

// File returns the file of one of this package's languages, such as "en", to begin a translation with.
func File(tag string) ([]byte, error) { return embedded.ReadFile("words/" + tag + ".yaml") }
