package app

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// field is one setting: an exported struct field with a key tag.
type field struct {
	key    string
	doc    string
	secret bool
	// required: the adapter that has the setting can't do without it. So it is used only if the configuration names it.
	required bool
	value    reflect.Value
	bounds   bounds
}

// fieldsOf returns the settings of the struct that options points to, in the order of its fields. The keys of a struct
// within it begin with the key of that struct; an embedded struct adds nothing to its keys. nil has no settings.
func fieldsOf(options any) ([]field, error) {
	if options == nil {
		return nil, nil
	}
	v := reflect.ValueOf(options)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("options must be a pointer to a struct, not %T", options)
	}
	return structFields("", v.Elem())
}

func structFields(prefix string, v reflect.Value) ([]field, error) {
	var list []field
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		key, tagged := sf.Tag.Lookup("key")
		if !sf.IsExported() || key == "-" || !tagged && !sf.Anonymous {
			continue
		}
		if sf.Type.Kind() == reflect.Struct {
			inner := prefix
			if tagged {
				inner += key + "."
			}
			more, err := structFields(inner, v.Field(i))
			if err != nil {
				return nil, err
			}
			list = append(list, more...)
			continue
		}
		if !tagged {
			continue
		}
		f := field{
			key: prefix + key, doc: sf.Tag.Get("doc"), secret: sf.Tag.Get("secret") == "true",
			required: sf.Tag.Get("required") == "true", value: v.Field(i),
		}
		if f.expected() == "" {
			return nil, fmt.Errorf("%s: a setting can't be a %s", f.key, sf.Type)
		}
		var err error
		if f.bounds, err = boundsOf(sf.Tag, sf.Type); err != nil {
			return nil, fmt.Errorf("%s: %w", f.key, err)
		}
		if err := f.bounds.check(f.value); err != nil && !f.value.IsZero() { // zero is that there is no default
			return nil, fmt.Errorf("%s: the default %w", f.key, err)
		}
		list = append(list, f)
	}
	return list, nil
}

// copyOptions copies the struct that options points to, and the lists in it.
func copyOptions(options any) any {
	if options == nil {
		return nil
	}
	v := reflect.New(reflect.TypeOf(options).Elem())
	v.Elem().Set(reflect.ValueOf(options).Elem())
	if fields, err := fieldsOf(v.Interface()); err == nil {
		for _, f := range fields {
			if list, ok := f.value.Interface().([]string); ok {
				f.value.Set(reflect.ValueOf(slices.Clone(list)))
			}
		}
	}
	return v.Interface()
}

const (
	expectedText     = "text"
	expectedBool     = "true or false"
	expectedInt      = "a whole number"
	expectedFloat    = "a number"
	expectedDuration = "a duration such as 15s, 500ms or 1m30s"
	expectedList     = "a list of texts"
)

// expected says what the setting takes. It is "" if no setting can have the type.
func (f field) expected() string {
	switch f.value.Interface().(type) {
	case string:
		return expectedText
	case bool:
		return expectedBool
	case int:
		return expectedInt
	case float64:
		return expectedFloat
	case time.Duration:
		return expectedDuration
	case []string:
		return expectedList
	}
	return ""
}

// set gives the setting a value: of the environment or a flag if text is true, else of a YAML file. A value that has the
// wrong type, or is out of bounds, is an error, which says what the setting takes.
func (f field) set(v any, text bool) error {
	if err := f.parse(v, text); err != nil {
		return err
	}
	return f.bounds.check(f.value)
}

// parse is set without a look at the bounds.
func (f field) parse(v any, text bool) error {
	s, isString := v.(string)
	if isString && text {
		s = strings.TrimSpace(s)
	}
	wrong := errors.New("must be " + f.expected())
	switch f.value.Interface().(type) {
	case string:
		if !isString {
			return fmt.Errorf("%w; put it in quotes", wrong)
		}
		f.value.SetString(s)
	case bool:
		b, ok := v.(bool)
		if text && (s == "true" || s == "false") {
			b, ok = s == "true", true
		}
		if !ok {
			return wrong
		}
		f.value.SetBool(b)
	case int:
		n, ok := v.(int)
		if text {
			var err error
			n, err = strconv.Atoi(s)
			ok = err == nil
		}
		if !ok {
			return wrong
		}
		f.value.SetInt(int64(n))
	case float64:
		n, ok := number(v, s, text)
		if !ok || math.IsNaN(n) || math.IsInf(n, 0) {
			return wrong
		}
		f.value.SetFloat(n)
	case time.Duration:
		d, err := time.ParseDuration(s)
		if !isString || err != nil || d < 0 {
			return wrong
		}
		f.value.SetInt(int64(d))
	case []string:
		list, ok := texts(v)
		if !ok {
			return wrong
		}
		f.value.Set(reflect.ValueOf(list))
	}
	return nil
}

// String returns the value as the environment and a flag would have it.
func (f field) String() string {
	switch v := f.value.Interface().(type) {
	case []string:
		return strings.Join(v, ",")
	case time.Duration:
		return durationText(v)
	default:
		return fmt.Sprint(v)
	}
}

func number(v any, s string, text bool) (float64, bool) {
	if text {
		n, err := strconv.ParseFloat(s, 64)
		return n, err == nil
	}
	switch n := v.(type) {
	case int:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

// texts reads a list of texts, or a text whose commas separate them.
func texts(v any) ([]string, bool) {
	var list []string
	switch v := v.(type) {
	case string:
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		return list, true
	case []any:
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, false
			}
			list = append(list, s)
		}
		return list, true
	}
	return nil, false
}
