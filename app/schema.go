package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Key is one key of the configuration.
type Key struct {
	Name    string   // "server.addr"; the name of the flag too
	Env     string   // "MOTACILLA_SERVER_ADDR"
	Doc     string   // what it means, in one line
	Type    string   // what it takes, such as "text" or "a whole number"
	Bounds  string   // which values of the type it takes, in words, such as "1 to 500"; "" if it takes all of them
	Choices []string // the texts that it takes; nil if it takes any text, or is no text
	Default string   // in the form of the environment; "" if there is none, or if several stores have the key and differ
	Secret  bool     // its value must not be shown

	Required bool // its adapter can't do without it, and is used only if the configuration names it
}

// Schema is the set of all keys of an app: its settings, and the options of each adapter that is registered.
type Schema struct {
	keys       []Key
	sections   []Section
	byName     map[string]Key
	byEnv      map[string]Key
	stores     kind
	media      kind
	embeds     kind
	publishers kind
	receivers  kind
	access     kind
	tracing    kind
}

// component is what the configuration knows of a registered adapter: its name, and a pointer to its options.
type component struct {
	name    string
	options any
}

// adapters are those that are registered, of each kind.
type adapters struct{ stores, media, embeds, publishers, receivers, access, tracing []component }

// kind is storage, media, embeds, publishers, receivers, access or tracing.
type kind struct {
	key  string // "storage"
	one  string // "store"
	list []component

	single   bool // the configuration chooses one of the list, and not several
	optional bool // it may choose none
}

// none is the type of an optional kind of which nothing is chosen.
const none = "none"

const envPrefix = "MOTACILLA_"

// envConfig names the configuration file. It is not a key.
const envConfig = envPrefix + "CONFIG"

func newSchema(of adapters) (*Schema, error) {
	s := &Schema{byName: map[string]Key{}, byEnv: map[string]Key{}}
	s.stores = kind{key: "storage", one: "store", list: inOrder(of.stores, "sqlite"), single: true}
	s.media = kind{key: "media", one: "media store", list: inOrder(of.media, "local"), single: true, optional: true}
	s.embeds = kind{key: "embeds", one: "source of embeds", list: inOrder(of.embeds, "oembed"), single: true, optional: true}
	s.publishers = kind{key: "publishers", one: "publisher",
		list: inOrder(of.publishers, "sse", "websocket", "long-polling", "interval-polling")}
	s.receivers = kind{key: "receivers", one: "receiver", list: inOrder(of.receivers, "webapp", "drafts")}
	s.access = kind{key: "access", one: "authenticator", list: inOrder(of.access, "people"), optional: true}
	s.tracing = kind{key: "tracing", one: "tracing", list: inOrder(of.tracing), single: true, optional: true}

	settings := defaults()
	fields, err := fieldsOf(&settings)
	if err != nil {
		return nil, err
	}
	for _, f := range fields {
		if err := s.put(keyOf(f.key, f)); err != nil {
			return nil, err
		}
	}
	s.sections = []Section{{Keys: slices.Clone(s.keys)}}
	for _, k := range s.kinds() {
		if err := s.addKind(k); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// kinds returns all kinds of adapters, in the order of the reference.
func (s *Schema) kinds() []kind {
	return []kind{s.stores, s.media, s.embeds, s.publishers, s.receivers, s.access, s.tracing}
}

func (s *Schema) addKind(k kind) error {
	if k.optional && len(k.list) == 0 {
		return nil
	}
	head := Key{Name: k.key, Doc: "types that are used, in this order; any of " + cmp.Or(k.names(), none),
		Type: expectedList, Default: strings.Join(k.defaults(), ",")}
	if k.optional && !k.single {
		head.Doc += "; or " + none
	}
	if k.single {
		head = Key{Name: k.key + ".type", Doc: "the " + k.one + ", one of " + cmp.Or(k.choices(), none), Type: expectedText, Default: k.first()}
	}
	if err := s.put(head); err != nil {
		return err
	}
	s.sections = append(s.sections, Section{Kind: k.key, Keys: []Key{s.byName[head.Name]}})
	seen := map[string]bool{}
	for _, c := range k.list {
		if seen[c.name] {
			return fmt.Errorf("the %s %q is registered twice", k.one, c.name)
		}
		seen[c.name] = true
		fields, err := fieldsOf(c.options)
		if err != nil {
			return fmt.Errorf("%s %q: %w", k.one, c.name, err)
		}
		section := Section{Kind: k.key, Name: c.name}
		for _, f := range fields {
			if f.key == "type" {
				return fmt.Errorf(`%s %q: no option can have the key "type"`, k.one, c.name)
			}
			key := keyOf(k.key+"."+c.name+"."+f.key, f)
			if k.single {
				key = keyOf(k.key+"."+f.key, f)
			}
			section.Keys = append(section.Keys, key)
			if _, known := s.byName[key.Name]; known && k.single { // several stores may have a url
				continue
			}
			if err := s.put(key); err != nil {
				return fmt.Errorf("%s %q: %w", k.one, c.name, err)
			}
		}
		s.sections = append(s.sections, section)
	}
	if k.single {
		s.share(k)
	}
	return nil
}

func keyOf(name string, f field) Key {
	k := Key{
		Name: name, Env: envOf(name), Doc: f.doc, Type: f.expected(), Secret: f.secret,
		Required: f.required,
		Bounds:   f.bounds.String(), Choices: slices.Clone(f.bounds.choices),
	}
	if !f.value.IsZero() && !f.secret {
		k.Default = f.String()
	}
	return k
}

func envOf(name string) string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(name))
}

func (s *Schema) put(k Key) error {
	k.Env = envOf(k.Name)
	if other, taken := s.byEnv[k.Env]; taken {
		return fmt.Errorf("%s and %s would both be %s in the environment", other.Name, k.Name, k.Env)
	}
	s.keys = append(s.keys, k)
	s.byName[k.Name] = k
	s.byEnv[k.Env] = k
	return nil
}

// Keys returns every key, in the order of the reference.
func (s *Schema) Keys() []Key { return slices.Clone(s.keys) }

// Types returns the names of the registered adapters of a kind: key is storage, media, embeds, publishers, receivers, access or
// tracing.
func (s *Schema) Types(key string) []string {
	var names []string
	for _, k := range s.kinds() {
		for _, c := range k.list {
			if k.key == key {
				names = append(names, c.name)
			}
		}
	}
	return names
}

// group reports whether name is not a key, but keys begin with it.
func (s *Schema) group(name string) bool {
	return slices.ContainsFunc(s.keys, func(k Key) bool { return strings.HasPrefix(k.Name, name+".") })
}

func (s *Schema) nearestKey(name string) string {
	names := make([]string, 0, len(s.keys))
	for _, k := range s.keys {
		names = append(names, k.Name)
	}
	return Nearest(name, names)
}

func (s *Schema) nearestEnv(name string) string {
	names := []string{envConfig}
	for _, k := range s.keys {
		names = append(names, k.Env)
	}
	return Nearest(name, names)
}

func (k kind) find(name string) (component, error) {
	for _, c := range k.list {
		if c.name == name {
			return c, nil
		}
	}
	return component{}, fmt.Errorf("there is no %s %q; known: %s", k.one, name, cmp.Or(k.names(), "none"))
}

// first returns the name that a single kind has if the configuration names none. An optional kind whose first adapter can't do
// without an option has none.
func (k kind) first() string {
	switch {
	case len(k.list) == 0:
		return ""
	case k.optional && k.list[0].onDemand():
		return none
	}
	return k.list[0].name
}

// implied returns the name of an adapter of an optional kind that the configuration does not name, but of which it gives an
// option; "" if there is none.
func (k kind) implied(l layer) (name, origin string) {
	for _, c := range k.list {
		fields, _ := fieldsOf(c.options)
		for _, f := range fields {
			if g, given := l[k.key+"."+f.key]; given {
				return c.name, g.origin
			}
		}
	}
	return "", ""
}

// defaults returns the names that are used if the configuration names none: those that need not be named.
func (k kind) defaults() []string {
	var names []string
	for _, c := range k.list {
		if !c.onDemand() {
			names = append(names, c.name)
		}
	}
	return names
}

// onlyNamed is implemented by options whose adapter is used only if the configuration names it, although it could do without.
type onlyNamed interface{ OnlyNamed() bool }

// onDemand reports whether the adapter is used only if the configuration names it: one of its settings has the tag required, or
// its options say so. If the options are wrong, addKind says so.
func (c component) onDemand() bool {
	if o, says := c.options.(onlyNamed); says && o.OnlyNamed() {
		return true
	}
	fields, _ := fieldsOf(c.options)
	return slices.ContainsFunc(fields, func(f field) bool { return f.required })
}

// choices returns the names that a single kind may have.
func (k kind) choices() string {
	if k.optional {
		return k.names() + ", " + none
	}
	return k.names()
}

func (k kind) names() string {
	names := make([]string, 0, len(k.list))
	for _, c := range k.list {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// inOrder sorts components: first those of the names in first, in that order, then the others by name.
func inOrder(list []component, first ...string) []component {
	rank := func(c component) int {
		if i := slices.Index(first, c.name); i >= 0 {
			return i
		}
		return len(first)
	}
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b component) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a.name, b.name))
	})
	return list
}

// Nearest returns the name with the smallest edit distance from s, or "" if there are no names.
func Nearest(s string, names []string) string {
	if len(s) > 256 { // no name is that long, and the distance takes time
		s = s[:256]
	}
	best, least := "", -1
	for _, name := range names {
		if d := distance(s, name); least < 0 || d < least {
			best, least = name, d
		}
	}
	return best
}

// distance returns the Levenshtein distance of a and b in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
