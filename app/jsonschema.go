package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// JSONSchema returns a JSON Schema (draft 2020-12) of the configuration file, by which an editor completes and checks it. It
// is indented and ends with a newline.
//
// What the schema refuses, Load refuses too, with two exceptions. The schema takes a key such as server.addr only as a
// mapping within a mapping. Without storage.type, it checks the keys of all stores. What the schema accepts, Load may still
// refuse: Load also checks the form of addresses, paths, URLs, origins, proxies and tokens, and which keys of TLS belong together. It
// also knows that 50.0 is no whole number, and that 0.005m is less than 1s.
func (s *Schema) JSONSchema() ([]byte, error) {
	settings := defaults()
	fields, err := fieldsOf(&settings)
	if err != nil {
		return nil, err
	}
	defs := &properties{}
	root := &node{
		Schema: "https://json-schema.org/draft/2020-12/schema", Title: "The configuration file " + DefaultFile,
		Type: typeNames{"object"}, Properties: nested(fields), Closed: closed,
	}
	for _, k := range []kind{s.stores, s.media, s.embeds, s.tracing} {
		if k.optional && len(k.list) == 0 {
			continue
		}
		single, err := singleNode(k, defs)
		if err != nil {
			return nil, err
		}
		root.Properties.add(k.key, single)
	}
	for _, k := range []kind{s.publishers, s.receivers, s.access} {
		if k.optional && len(k.list) == 0 {
			continue
		}
		list, err := listNode(k, s.byName[k.key].Doc, defs)
		if err != nil {
			return nil, err
		}
		root.Properties.add(k.key, list)
	}
	root.Definitions = defs
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil {
		return nil, fmt.Errorf("make the JSON Schema: %w", err)
	}
	return b.Bytes(), nil
}

// singleNode describes storage, media, embeds or tracing: a mapping with a type and the keys of this type.
func singleNode(stores kind, defs *properties) (*node, error) {
	// Without a type the file may have the keys of any store, since the environment or a flag can choose the type.
	untyped := &node{Type: typeNames{"object"}, Properties: &properties{}, Closed: closed}
	untyped.Properties.add("type", &node{Type: typeNames{"null"}})
	storage := &node{
		Description: "the " + stores.one + ": its type, and the keys of this type", AnyOf: []*node{{Type: typeNames{"null"}}},
	}
	if stores.optional {
		storage.AnyOf = append(storage.AnyOf, defs.refer(stores.key+"."+none, typed(stores, none)))
	}
	for _, c := range stores.list {
		fields, err := fieldsOf(c.options)
		if err != nil {
			return nil, err
		}
		store := typed(stores, c.name)
		for _, f := range fields {
			store.Properties.nest(f)
			untyped.Properties.nest(f)
		}
		storage.AnyOf = append(storage.AnyOf, defs.refer(stores.key+"."+c.name, store))
	}
	storage.AnyOf = append(storage.AnyOf, defs.refer(stores.key, untyped))
	return storage, nil
}

// listNode describes publishers or receivers: a list of names, and of mappings with a type and the options of this type.
// It may also be a text of names, and a mapping from types to options, which leaves all types on.
func listNode(k kind, doc string, defs *properties) (*node, error) {
	var names []any
	byType := &properties{}
	entries := []*node{}
	for _, c := range k.list {
		fields, err := fieldsOf(c.options)
		if err != nil {
			return nil, err
		}
		names = append(names, c.name)
		one := typed(k, c.name)
		for _, f := range fields {
			one.Properties.add(f.key, valueNode(f))
		}
		entries = append(entries, defs.refer(k.key+"."+c.name, one))
		if len(fields) > 0 {
			byType.add(c.name, &node{Type: typeNames{"object", "null"}, Properties: nested(fields), Closed: closed})
		}
	}
	list := &node{Description: doc, Type: typeNames{"array", "string", "null"}, Pattern: namesPattern(names)}
	if names == nil { // then no entry can be right
		list.Items = &node{Not: &node{}}
		return list, nil
	}
	list.Items = &node{AnyOf: append([]*node{{Enum: names}}, entries...)}
	if len(byType.list) > 0 {
		list.Type = append(list.Type, "object")
		list.Properties, list.Closed = byType, closed
	}
	return list, nil
}

// typed describes a mapping with the type name, and no options yet.
func typed(k kind, name string) *node {
	n := &node{Type: typeNames{"object"}, Properties: &properties{}, Required: []string{"type"}, Closed: closed}
	n.Properties.add("type", &node{Description: "the " + k.one + " " + name, Const: name})
	return n
}

// namesPattern matches names with commas between them, as texts reads them.
func namesPattern(names []any) string {
	var quoted []string
	for _, name := range names {
		quoted = append(quoted, regexp.QuoteMeta(fmt.Sprint(name)))
	}
	one := `((` + strings.Join(quoted, "|") + `)\s*)?`
	return `^\s*` + one + `(,\s*` + one + `)*$`
}
