package page

import (
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Language has the words of one language. It must not be changed while a look uses it.
type Language struct {
	Tag       string            // BCP 47, such as "de" or "pt-BR"
	Direction string            // of writing: "ltr" or "rtl"
	Months    []string          // the names of the twelve months, as in Words["date"]
	Words     map[string]string // the keys are those of English, and more that begin with own_ or desk_
	// Plurals are the words that depend on a number, by key and by CLDR plural category: zero, one, two, few, many, other.
	Plurals map[string]map[string]string
}

// Languages finds the words of languages. Package page/languages has an implementation. Its methods may be called by
// several goroutines at once.
type Languages interface {
	// Language returns the language with a BCP 47 tag or, if there is none, the one that the tag falls back to: pt for
	// pt-BR. If there is none either, the error is an UnknownLanguageError.
	Language(tag string) (*Language, error)
	// Tags returns the tags of all languages in alphabetical order.
	Tags() []string
	// With returns the languages and those in the files of a folder. A file may also replace single words of a language
	// that there is. The error names the file and what is wrong in it.
	With(folder fs.FS) (Languages, error)
}

// UnknownLanguageError says that there is no language with a tag.
type UnknownLanguageError struct {
	Tag  string
	Tags []string // of the languages that there are
}

func (e *UnknownLanguageError) Error() string {
	there := "there are " + strings.Join(e.Tags, ", ")
	if len(e.Tags) == 1 {
		there = "there is " + e.Tags[0]
	}
	return fmt.Sprintf("there is no language %q; %s", e.Tag, there)
}

// ownWord is how the keys of words begin that only a site's own templates use.
const ownWord = "own_"

// DeskWord is how the keys of words begin that only the editors' desk uses, package compose. It checks them itself.
const DeskWord = "desk_"

var placeholders = regexp.MustCompile(`\{[a-z]+\}`)

// Validate returns what l lacks, compared with English: words, plurals, months, placeholders. It does not know which
// plural categories the language needs, except that each has "other".
func (l *Language) Validate() error {
	english := English()
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if l.Direction != "ltr" && l.Direction != "rtl" {
		wrong("direction: must be ltr or rtl, not %q", l.Direction)
	}
	if len(l.Months) != 12 || slices.Contains(l.Months, "") {
		wrong("months: must be the names of twelve months, not %d", len(l.Months))
	}
	for _, key := range slices.Sorted(maps.Keys(english.Words)) {
		if l.Words[key] == "" {
			wrong("%s: is missing; in English it is %q", key, english.Words[key])
		} else if got, want := holes(l.Words[key]), holes(english.Words[key]); !slices.Equal(got, want) {
			wrong("%s: must have %s, as in English: %q", key, listed(want), english.Words[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(l.Words)) {
		if _, known := english.Words[key]; !known && !strings.HasPrefix(key, ownWord) && !strings.HasPrefix(key, DeskWord) {
			wrong("%s: there is no such word; a word for your own templates begins with %s", key, ownWord)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(english.Plurals)) {
		if l.Plurals[key]["other"] == "" {
			wrong("%s: must have the plural category other; in English it is %q", key, english.Plurals[key]["other"])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(l.Plurals)) {
		if _, known := english.Plurals[key]; !known && !strings.HasPrefix(key, DeskWord) {
			wrong("%s: there is no such plural", key)
		}
		for _, category := range slices.Sorted(maps.Keys(l.Plurals[key])) {
			text := l.Plurals[key][category]
			several := slices.Contains([]string{"few", "many", "other"}, category)
			switch got := holes(text); {
			case !several && !slices.Contains([]string{"zero", "one", "two"}, category):
				wrong("%s.%s: must be one of the plural categories zero, one, two, few, many and other", key, category)
			case text == "":
				wrong("%s.%s: must be a text", key, category)
			case several && !slices.Equal(got, []string{"{count}"}), !several && len(got) > 0 && !slices.Equal(got, []string{"{count}"}):
				wrong("%s.%s: must have the placeholder {count} and no other; it is %q", key, category, text)
			}
		}
	}
	return errors.Join(errs...)
}

// listed returns placeholders in words.
func listed(placeholders []string) string {
	if len(placeholders) == 0 {
		return "no placeholder"
	}
	return strings.Join(placeholders, ", ")
}

// holes returns the placeholders of a text, sorted.
func holes(text string) []string {
	found := placeholders.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// speech says words and times to readers. It is part of what templates get.
type speech struct {
	language *Language
	zone     *time.Location
}

// Lang returns the language's BCP 47 tag, for the attribute lang.
func (s speech) Lang() string { return s.language.Tag }

// Dir returns "ltr" or "rtl", for the attribute dir.
func (s speech) Dir() string { return s.language.Direction }

// Word returns a word of the language.
func (s speech) Word(key string) (string, error) {
	if word, ok := s.language.Words[key]; ok {
		return word, nil
	}
	return "", fmt.Errorf("the language %s has no word %q", s.language.Tag, key)
}

// Said returns a word that says what went wrong. If it is one that this package does not know, the word says only that something
// did.
func (s speech) Said(key string) string {
	if word, ok := s.language.Words[key]; ok {
		return word
	}
	return s.language.Words["failed_title"]
}

// Wait says for how long to wait.
func (s speech) Wait(seconds int) string {
	key, count := "wait_seconds", seconds
	if seconds > 120 {
		key, count = "wait_minutes", (seconds+59)/60
	}
	return strings.ReplaceAll(s.language.Words[key], "{count}", strconv.Itoa(count))
}

// Filled returns a word with texts in place of its placeholders, which are given as pairs of name and text. A text may be written
// in another direction than the word.
func (s speech) Filled(key string, pairs ...any) (template.HTML, error) {
	word, err := s.Word(key)
	if err != nil {
		return "", err
	}
	var with []string
	for i := 1; i < len(pairs); i += 2 {
		with = append(with, fmt.Sprintf("{%v}", pairs[i-1]), "<bdi>"+template.HTMLEscapeString(fmt.Sprint(pairs[i]))+"</bdi>")
	}
	return safe(strings.NewReplacer(with...).Replace(template.HTMLEscapeString(word))), nil
}

// When returns a time in words: the day and the time of day in the look's time zone.
func (s speech) When(t time.Time) string {
	t = t.In(s.zone)
	return strings.NewReplacer("{day}", strconv.Itoa(t.Day()), "{month}", s.language.Months[t.Month()-1],
		"{year}", strconv.Itoa(t.Year()), "{clock}", t.Format("15:04"), "{zone}", t.Format("MST")).Replace(s.language.Words["date"])
}

// Dated returns a word with the placeholder {time}. An element <time> stands in its place.
func (s speech) Dated(key string, t time.Time) (template.HTML, error) {
	word, err := s.Word(key)
	if err != nil {
		return "", err
	}
	at := `<time datetime="` + motacilla.FormatTime(t) + `">` + template.HTMLEscapeString(s.When(t)) + `</time>`
	return safe(strings.ReplaceAll(template.HTMLEscapeString(word), "{time}", at)), nil
}
