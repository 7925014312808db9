package app

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// SchemaFile is the JSON Schema that the first line of a new configuration file names for editors. It is in the same folder.
const SchemaFile = "motacilla.schema.json"

// essential are the keys that a new configuration file sets even if they have their defaults. So is the store's place.
var essential = []string{"server.addr", "page.name", "log.level"}

const starterHead = `# yaml-language-server: $schema=` + SchemaFile + `
# The line above tells editors where the JSON Schema of this file is. They check and complete the file by it.
#
# All keys are in this file. A key behind "#" is not set, and shows its default. To set it, remove the "#". The
# environment overrides this file, and flags override both: server.addr is MOTACILLA_SERVER_ADDR in the environment,
# and --server.addr as a flag.
`

// Starter returns a configuration file to start from. It has every key with its meaning. The keys in flags are set, and so
// are the types of the store, the publishers and the receivers, and a few important keys. All others are comments that
// show their defaults. flags are values by key, as Input.Flags. A wrong value is an error, and so is a key of a type that is
// not chosen. Secrets among the values are in the file.
//
// The file's first line names SchemaFile, which must have what JSONSchema returns.
func (s *Schema) Starter(flags map[string]string) ([]byte, error) {
	c, err := s.Load(Input{YAML: []byte{}, Env: []string{}, Flags: flags})
	if err != nil {
		return nil, err
	}
	w := &starter{given: flags, used: map[string]bool{
		"storage.type": true, "media.type": true, "embeds.type": true, "publishers": true, "receivers": true, "access": true,
		"tracing.type": true,
	}}
	w.WriteString(starterHead)
	w.mapping("", w.fields(&c.Settings), func(f field) bool {
		return w.isGiven(f.key) || slices.Contains(essential, f.key)
	})
	w.single(s.stores, c.Storage, s.byName["storage.type"].Doc, "To keep posts in another store")
	if len(s.media.list) > 0 {
		w.single(s.media, c.Media, s.byName["media.type"].Doc, "To keep images elsewhere")
	}
	if len(s.embeds.list) > 0 {
		w.single(s.embeds, c.Embeds, s.byName["embeds.type"].Doc, "To look pages up in another way")
	}
	w.entries(s.publishers, c.Publishers)
	w.entries(s.receivers, c.Receivers)
	if len(s.access.list) > 0 {
		w.entries(s.access, c.Access)
	}
	if len(s.tracing.list) > 0 {
		w.single(s.tracing, c.Tracing, s.byName["tracing.type"].Doc, "To trace posts")
	}
	for _, key := range slices.Sorted(maps.Keys(flags)) {
		if !w.used[key] {
			w.err = cmp.Or(w.err, fmt.Errorf("%s: it is of a type that is not chosen", key))
		}
	}
	return []byte(w.String()), w.err
}

// starter writes a configuration file. err is the first error.
type starter struct {
	strings.Builder
	given map[string]string // the values that are set, by key
	used  map[string]bool   // the keys of given that are in the file
	begun bool              // the last line begins a mapping or an entry
	err   error
}

// isGiven reports whether the value of key is given, and remembers that it is in the file.
func (w *starter) isGiven(key string) bool {
	if _, given := w.given[key]; !given {
		return false
	}
	w.used[key] = true
	return true
}

// fields returns the settings of options.
func (w *starter) fields(options any) []field {
	fields, err := fieldsOf(options)
	w.err = cmp.Or(w.err, err)
	return fields
}

// mapping writes fields. A dot in a key is a mapping within the mapping. isSet says which keys are no comments.
func (w *starter) mapping(indent string, fields []field, isSet func(field) bool) {
	var open []string // the mappings that the last key is in
	for _, f := range fields {
		path := strings.Split(f.key, ".")
		groups := path[:len(path)-1]
		same := 0
		for same < min(len(open), len(groups)) && open[same] == groups[same] {
			same++
		}
		open = groups
		for i, group := range groups[same:] {
			w.gap()
			w.begin(indent + strings.Repeat("  ", same+i) + group + ":")
		}
		w.gap()
		w.key(indent+strings.Repeat("  ", len(groups)), path[len(path)-1], f, isSet(f))
	}
}

// single writes the store that is chosen, and the other stores as comments. to says what the others are for.
func (w *starter) single(stores kind, chosen Choice, doc, to string) {
	w.gap()
	w.begin(stores.key + ":")
	w.comment("  ", doc)
	w.scalar("  ", "type", chosen.Type, true)
	place, _ := placeOf(chosen.Options)
	w.mapping("  ", w.fields(chosen.Options), func(f field) bool {
		return w.isGiven(stores.key+"."+f.key) || f.key == place && f.String() != ""
	})
	if len(stores.list) > 1 {
		w.gap()
		w.comment("", to+", put it in the place of the mapping above, without the \"#\":")
	}
	for _, c := range stores.list {
		if c.name == chosen.Type {
			continue
		}
		other := &starter{}
		other.begin(stores.key + ":")
		other.scalar("  ", "type", c.name, true)
		other.mapping("  ", other.fields(c.options), field.isValid)
		w.disabled("", other)
	}
}

// entries writes publishers or receivers: those that are chosen, and the others as comments.
func (w *starter) entries(k kind, chosen []Choice) {
	if len(k.list) == 0 {
		return
	}
	w.gap()
	w.comment("", "the "+k.key+" that are used, in this order")
	if chosen == nil {
		w.scalar("", k.key, []string{}, true)
		return
	}
	w.begin(k.key + ":")
	var used []string
	for _, c := range chosen {
		w.gap()
		w.entry(c.Type, w.fields(c.Options), func(f field) bool { return w.isGiven(k.key + "." + c.Type + "." + f.key) })
		used = append(used, c.Type)
	}
	for _, c := range k.list {
		if slices.Contains(used, c.name) {
			continue
		}
		other := &starter{}
		other.entry(c.name, other.fields(c.options), field.isValid)
		w.disabled("  ", other)
	}
}

// entry writes an element of a list. Dots in the keys of its options are no mappings.
func (w *starter) entry(name string, fields []field, isSet func(field) bool) {
	w.scalar("  - ", "type", name, true)
	for _, f := range fields {
		w.key("    ", f.key, f, isSet(f))
	}
}
