package app

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// mask is shown instead of a secret.
const mask = "********"

// decode turns what all sources give into the configuration.
func (s *Schema) decode(l layer) (*Config, error) {
	c := &Config{Settings: defaults()}
	fields, err := fieldsOf(&c.Settings)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, f := range fields {
		origin, err := l.set(f, f.key)
		errs = append(errs, err)
		c.record(f.key, f, origin)
	}
	if errors.Join(errs...) == nil { // values that were not read are not validated
		errs = append(errs, c.validate())
	}
	var listErr error
	c.Storage, listErr = s.decodeSingle(l, c, s.stores)
	errs = append(errs, listErr)
	c.Media, listErr = s.decodeSingle(l, c, s.media)
	errs = append(errs, listErr)
	c.Embeds, listErr = s.decodeSingle(l, c, s.embeds)
	errs = append(errs, listErr)
	c.Publishers, listErr = s.decodeList(l, c, s.publishers)
	errs = append(errs, listErr)
	c.Receivers, listErr = s.decodeList(l, c, s.receivers)
	errs = append(errs, listErr)
	if len(s.access.list) > 0 {
		c.Access, listErr = s.decodeList(l, c, s.access)
		errs = append(errs, listErr)
	}
	c.Tracing, listErr = s.decodeSingle(l, c, s.tracing)
	errs = append(errs, listErr)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

// decodeSingle returns the adapter of a kind that has one, such as the store. If an optional kind has none, its type is none.
func (s *Schema) decodeSingle(l layer, c *Config, k kind) (Choice, error) {
	if k.optional && len(k.list) == 0 {
		return Choice{Type: none}, nil
	}
	typeKey := k.key + ".type"
	name, origin := k.first(), "default"
	chosen, isChosen := l[typeKey]
	if isChosen {
		origin = chosen.origin
		if name, isChosen = chosen.value.(string); !isChosen {
			return Choice{}, fmt.Errorf("%s: must be text (%s)", typeKey, origin)
		}
	}
	if implied, from := k.implied(l); k.optional && !isChosen && name == none && implied != "" {
		name, origin = implied, from
	}
	if name == "" {
		return Choice{}, fmt.Errorf("%s: there is no %s to choose from; add one to the app, such as memory.Module", k.key, k.one)
	}
	choice := Choice{Type: name}
	if !k.optional || name != none {
		comp, err := k.find(name)
		if err != nil {
			return Choice{}, fmt.Errorf("%s: %w (%s)", typeKey, err, origin)
		}
		choice.Options = copyOptions(comp.options)
	}
	c.Values = append(c.Values, Value{Key: typeKey, Value: name, Raw: name, Origin: origin})
	fields, err := fieldsOf(choice.Options)
	errs := []error{err}
	known := map[string]bool{typeKey: true}
	for _, f := range fields {
		key := k.key + "." + f.key
		known[key] = true
		from, err := l.set(f, key)
		errs = append(errs, err, f.isThere(key))
		c.record(key, f, from)
	}
	// A key of another store is a mistake if the source that gives it also gives the type. From another source it may be
	// there for another choice of the type.
	for _, key := range slices.Sorted(maps.Keys(l)) {
		if strings.HasPrefix(key, k.key+".") && !known[key] && isChosen && l[key].source == chosen.source {
			errs = append(errs, fmt.Errorf("%s: the %s %q has no such key (%s)", key, k.one, name, l[key].origin))
		}
	}
	return choice, errors.Join(errs...)
}

// isThere returns an error if the setting is required and has no value. at is where the configuration has it.
func (f field) isThere(at string) error {
	if f.required && f.value.IsZero() {
		return fmt.Errorf("%s: must be set: %s", at, f.doc)
	}
	return nil
}

// entry is an element of the list publishers, receivers or access.
type entry struct {
	name    string
	options map[string]any
}

func (s *Schema) decodeList(l layer, c *Config, k kind) ([]Choice, error) {
	entries, origin, err := listEntries(l, k)
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", err, origin)
	}
	var choices []Choice
	var errs []error
	for i, e := range entries {
		at := fmt.Sprintf("%s[%d]", k.key, i)
		comp, err := k.find(e.name)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w (%s)", at, err, origin))
			continue
		}
		c.Values = append(c.Values, Value{Key: at + ".type", Value: e.name, Raw: e.name, Origin: origin})
		choice := Choice{e.name, copyOptions(comp.options)}
		errs = append(errs, s.decodeEntry(l, c, k, at, origin, e, choice.Options))
		choices = append(choices, choice)
	}
	return choices, errors.Join(errs...)
}

// decodeEntry fills the options of one entry. What the environment and flags give to its type overrides the entry.
func (s *Schema) decodeEntry(l layer, c *Config, k kind, at, origin string, e entry, options any) error {
	fields, err := fieldsOf(options)
	errs := []error{err}
	known := []string{"type"}
	for _, f := range fields {
		known = append(known, f.key)
		from := "default"
		if v, ok := e.options[f.key]; ok {
			from = origin
			if err := f.set(v, false); err != nil {
				errs = append(errs, fmt.Errorf("%s.%s: %w (%s)", at, f.key, err, origin))
			}
		}
		key := k.key + "." + e.name + "." + f.key
		if _, ok := l[key]; ok {
			var err error
			from, err = l.set(f, key)
			errs = append(errs, err)
		}
		errs = append(errs, f.isThere(at+"."+f.key))
		c.record(at+"."+f.key, f, from)
	}
	unknown := make([]string, 0, len(e.options))
	for key := range e.options {
		if !slices.Contains(known, key) {
			unknown = append(unknown, key)
		}
	}
	slices.Sort(unknown)
	for _, key := range unknown {
		errs = append(errs, fmt.Errorf("%s: unknown key %q of %s %q; did you mean %q? (%s)",
			at, key, k.one, e.name, Nearest(key, known), origin))
	}
	return errors.Join(errs...)
}

// listEntries returns the entries of the list k. By default each type is on, except those that have to be named.
func listEntries(l layer, k kind) (entries []entry, origin string, err error) {
	list, ok := l[k.key]
	if !ok {
		for _, name := range k.defaults() {
			entries = append(entries, entry{name: name})
		}
		return entries, "default", nil
	}
	origin = list.origin
	switch v := list.value.(type) {
	case string:
		if k.optional && v == none {
			return nil, origin, nil
		}
		names, _ := texts(v)
		for _, name := range names {
			entries = append(entries, entry{name: name})
		}
		return entries, origin, nil
	case []any:
		for i, e := range v {
			switch e := named(e).(type) {
			case string:
				entries = append(entries, entry{name: e})
			case map[string]any:
				name, ok := e["type"].(string)
				if !ok {
					return nil, origin, fmt.Errorf("%s[%d]: must have a type, such as {type: %s}", k.key, i, k.first())
				}
				entries = append(entries, entry{name, e})
			default:
				return nil, origin, fmt.Errorf("%s[%d]: must be a mapping with a type, such as {type: %s}", k.key, i, k.first())
			}
		}
		return entries, origin, nil
	}
	return nil, origin, fmt.Errorf("%s: must be a list, such as [{type: %s}]", k.key, k.first())
}

func (c *Config) record(key string, f field, origin string) {
	v := Value{Key: key, Value: f.String(), Raw: f.value.Interface(), Origin: origin, Secret: f.secret}
	if list, ok := v.Raw.([]string); ok {
		v.Raw = slices.Clone(list)
	}
	if f.secret {
		if v.Value != "" {
			v.Value = mask
		}
		v.Raw = v.Value
	}
	c.Values = append(c.Values, v)
}
