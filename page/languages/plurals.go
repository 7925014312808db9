package languages

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/motacilla-live/motacilla/page"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// names are the plural categories of CLDR.
var names = map[plural.Form]string{
	plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other",
}

// needed returns the plural categories of a language that whole numbers up to 1000 have. Millions have a category of
// their own in some languages; a browser takes "other" if there is no such text.
func needed(tag language.Tag) []string {
	found := map[string]bool{}
	for n := range 1001 {
		found[names[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)]] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// categories returns which plural categories l lacks.
func categories(tag language.Tag, l *page.Language) error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(page.English().Plurals)) {
		for _, category := range needed(tag) {
			if category != "other" && l.Plurals[key][category] == "" {
				errs = append(errs, fmt.Errorf("%s: must have the plural category %s, which %s needs", key, category, tag))
			}
		}
	}
	return errors.Join(errs...)
}
