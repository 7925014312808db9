package app

import (
	"slices"
	"strings"
)

// Section is a part of the reference: the keys of every app, or those of one kind or of one adapter.
type Section struct {
	Kind string // "storage", "media", "publishers" or "receivers"; "" for the keys of every app
	Name string // of the adapter, such as "sqlite"; "" for the key that chooses one
	Keys []Key  // if several stores have a key, it is described as this section's store has it
}

// Reference returns every key. The first section has the keys of every app. Then, for stores, media stores, publishers and receivers,
// come a section with the key that chooses among them, and a section for each adapter. A key that several stores have is
// in the section of each of them.
func (s *Schema) Reference() []Section {
	list := slices.Clone(s.sections)
	for i := range list {
		list[i].Keys = slices.Clone(list[i].Keys)
	}
	return list
}

// share merges the keys that several stores share: docs are joined, and a default and bounds stay if all stores have
// the same.
func (s *Schema) share(k kind) {
	owners := map[string][]string{}
	of := map[string][]Key{}
	for _, section := range s.sections {
		for _, key := range section.Keys {
			if section.Kind == k.key && section.Name != "" {
				owners[key.Name] = append(owners[key.Name], section.Name)
				of[key.Name] = append(of[key.Name], key)
			}
		}
	}
	for i, key := range s.keys {
		if len(owners[key.Name]) == 0 {
			continue
		}
		var docs []string
		same := true
		for j, own := range of[key.Name] {
			docs = append(docs, owners[key.Name][j]+": "+own.Doc)
			same = same && own.Doc == key.Doc
			key.Secret = key.Secret || own.Secret
			if own.Default != key.Default {
				key.Default = ""
			}
			if own.Bounds != key.Bounds {
				key.Bounds, key.Choices = "", nil
			}
		}
		if !same {
			key.Doc = strings.Join(docs, "; ")
		}
		s.keys[i], s.byName[key.Name], s.byEnv[key.Env] = key, key, key
	}
}
