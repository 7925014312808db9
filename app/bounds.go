package app

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// bounds say which values of its type a setting takes. They come from the tags min, max and choices. Numbers and durations
// are compared by value, and a text by its number of characters. A value that the configuration does not give is not
// compared.
type bounds struct {
	low, high reflect.Value // invalid if there is none
	choices   []string      // nil if any text is taken
	unit      string        // of the bounds, in the singular; "character" of a text
}

// boundsOf reads the tags of a setting of type t.
func boundsOf(tag reflect.StructTag, t reflect.Type) (b bounds, err error) {
	if b.low, err = boundOf(tag, "min", t); err != nil {
		return b, err
	}
	if b.high, err = boundOf(tag, "max", t); err != nil {
		return b, err
	}
	if b.low.IsValid() && b.high.IsValid() && compare(b.low, b.high) > 0 {
		return b, errors.New("the tag min is more than max")
	}
	isText := t.Kind() == reflect.String
	if isText {
		b.unit = "character"
	}
	list, given := tag.Lookup("choices")
	if !given {
		return b, nil
	}
	if !isText {
		return b, errors.New("only a text can have the tag choices")
	}
	if b.low.IsValid() || b.high.IsValid() {
		return b, errors.New("with the tag choices there can be neither min nor max")
	}
	b.choices = strings.Split(list, ",")
	for i, choice := range b.choices {
		if choice == "" || choice != strings.TrimSpace(choice) || slices.Contains(b.choices[:i], choice) {
			return b, fmt.Errorf("the tag choices must be different words with commas and no spaces between them, not %q", list)
		}
	}
	return b, nil
}

// boundOf reads the tag min or max. The bound of a text is a number of characters, all others have the type of the setting.
func boundOf(tag reflect.StructTag, name string, t reflect.Type) (reflect.Value, error) {
	s, given := tag.Lookup(name)
	if !given {
		return reflect.Value{}, nil
	}
	switch t.Kind() {
	case reflect.String:
		t = reflect.TypeFor[int]()
	case reflect.Int, reflect.Int64, reflect.Float64:
	default:
		return reflect.Value{}, fmt.Errorf("a %s can't have the tag %s", t, name)
	}
	f := field{value: reflect.New(t).Elem()}
	if err := f.set(s, true); err != nil {
		return reflect.Value{}, fmt.Errorf("the tag %s: %w", name, err)
	}
	return f.value, nil
}

// check returns an error if v is not among the values that the setting takes.
func (b bounds) check(v reflect.Value) error {
	if b.holds(v) {
		return nil
	}
	return errors.New("must be " + b.String())
}

func (b bounds) holds(v reflect.Value) bool {
	if b.choices != nil {
		return slices.Contains(b.choices, v.String())
	}
	return (!b.low.IsValid() || compare(size(v), b.low) >= 0) && (!b.high.IsValid() || compare(size(v), b.high) <= 0)
}

// String returns the bounds in words, such as "1 to 500". It returns "" if the setting takes every value of its type.
func (b bounds) String() string {
	if n := len(b.choices); n > 0 {
		if n == 1 {
			return b.choices[0]
		}
		return strings.Join(b.choices[:n-1], ", ") + " or " + b.choices[n-1]
	}
	switch low, high := b.low.IsValid(), b.high.IsValid(); {
	case low && high:
		return boundText(b.low) + " to " + b.withUnit(b.high)
	case low:
		return "at least " + b.withUnit(b.low)
	case high:
		return "at most " + b.withUnit(b.high)
	}
	return ""
}

// withUnit returns a bound in words: "1 character", "200 characters", "15s".
func (b bounds) withUnit(bound reflect.Value) string {
	text := boundText(bound)
	if b.unit == "" {
		return text
	}
	if text == "1" {
		return text + " " + b.unit
	}
	return text + " " + b.unit + "s"
}

func boundText(v reflect.Value) string { return field{value: v}.String() }

// size returns what is compared with the bounds of v's setting.
func size(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.String {
		return reflect.ValueOf(utf8.RuneCountInString(v.String()))
	}
	return v
}

func compare(a, b reflect.Value) int {
	if a.CanFloat() {
		return cmp.Compare(a.Float(), b.Float())
	}
	return cmp.Compare(a.Int(), b.Int())
}

// durationText returns d without parts that are zero: 1m0s is 1m.
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
