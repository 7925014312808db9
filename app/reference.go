package app

import (
	"slices"
	"strings"
)

// Section is a part of the reference: what every app has, or the options of one store, publisher or receiver.
type Section struct {
	Kind string // "storage", "publishers" or "receivers"; "" of what every app has
	Name string // the type in the configuration, such as "sqlite"
	Keys []Key  // as this section's own, where stores share a key
}

// Reference returns every key in sections: first what every app has, then of storage, publishers and receivers which
// there are, and the options of each. A key that several stores have stands with each of them, as that store takes it.
func (s *Schema) Reference() []Section {
	list := slices.Clone(s.sections)
	for i := range list {
		list[i].Keys = slices.Clone(list[i].Keys)
	}
	return list
}

// share makes the keys that several stores have speak for each of them.
func (s *Schema) share() {
	owners := map[string][]string{}
	of := map[string][]Key{}
	for _, section := range s.sections {
		for _, key := range section.Keys {
			if section.Kind == "storage" && section.Name != "" {
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
		}
		if !same {
			key.Doc = strings.Join(docs, "; ")
		}
		s.keys[i], s.byName[key.Name], s.byEnv[key.Env] = key, key, key
	}
}
