package app

import (
	"reflect"
	"strconv"
	"strings"
	"time"
)

// valueNode describes the value of a setting.
func valueNode(f field) *node {
	n := &node{Description: f.doc, WriteOnly: f.secret}
	if words := f.bounds.String(); words != "" {
		n.Description += " (" + words + ")"
	}
	if !f.value.IsZero() && !f.secret {
		n.Default = f.value.Interface()
	}
	low, high := bound(f.bounds.low), bound(f.bounds.high)
	switch f.value.Interface().(type) {
	case string:
		n.Type = typeNames{"string"}
		n.MinLength, n.MaxLength = low, high
		for _, choice := range f.bounds.choices {
			n.Enum = append(n.Enum, choice)
		}
	case bool:
		n.Type = typeNames{"boolean"}
	case int:
		n.Type = typeNames{"integer"}
		n.Minimum, n.Maximum = low, high
	case float64:
		n.Type = typeNames{"number"}
		n.Minimum, n.Maximum = low, high
	case time.Duration:
		n.Type = typeNames{"string"}
		if n.Default != nil {
			n.Default = f.String()
		}
		n.Pattern, n.PatternError = durationPattern, "must be "+expectedDuration
		if least, ok := low.(time.Duration); ok && least > 0 {
			n.Not = &node{Type: typeNames{"string"}, Pattern: shorterPattern(least)}
		}
	case []string:
		n.Type = typeNames{"array", "string"} // a text has commas between its elements
		n.Items = &node{Type: typeNames{"string"}}
	}
	return n
}

func bound(v reflect.Value) any {
	if !v.IsValid() {
		return nil
	}
	return v.Interface()
}

// durationPattern matches what time.ParseDuration reads, except negative durations.
const durationPattern = `^\+?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`

// units are the units of durations in the order of their length.
var units = []struct {
	pattern string
	length  time.Duration
}{
	{"ns", time.Nanosecond}, {"(us|µs|μs)", time.Microsecond}, {"ms", time.Millisecond}, {"s", time.Second},
	{"m", time.Minute}, {"h", time.Hour},
}

// shorterPattern matches durations that are shorter than least. Schemas can't compare durations, so it matches those alone
// that have one unit, and are either 0 or of a unit that is not longer than least.
func shorterPattern(least time.Duration) string {
	terms := []string{"0"}
	for _, u := range units {
		switch n := int64(least / u.length); {
		case n > 1:
			terms = append(terms, `0*(`+lessPattern(n)+`)?(\.[0-9]*)?`+u.pattern)
		case n == 1:
			terms = append(terms, `0*(\.[0-9]*)?`+u.pattern)
		default:
			terms = append(terms, `0*(\.0*)?`+u.pattern)
		}
	}
	return `^\+?(` + strings.Join(terms, "|") + `)$`
}

// lessPattern matches the numbers from 1 to n-1, without zeros before them. n is more than 1.
func lessPattern(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var options []string
	if len(digits) > 1 { // those with fewer digits
		options = append(options, `[1-9][0-9]{0,`+strconv.Itoa(len(digits)-2)+`}`)
	}
	for i, d := range []byte(digits) { // those with the same digits up to i, and a smaller one there
		first := byte('0')
		if i == 0 {
			first = '1'
		}
		if d > first {
			options = append(options, digits[:i]+`[`+string(first)+`-`+string(d-1)+`][0-9]{`+strconv.Itoa(len(digits)-1-i)+`}`)
		}
	}
	return strings.Join(options, "|")
}
