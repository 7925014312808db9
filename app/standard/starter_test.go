package standard_test

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/app"
	"pgregory.net/rapid"
)

// TestStarterSaysWhatFlagsSay: for random flags, the file loads as the flags do, and the JSON Schema accepts it. This also
// holds for the file without the "#" before keys.
func TestStarterSaysWhatFlagsSay(t *testing.T) {
	schema, editor := schemaOfAll(t)
	sections := schema.Reference()
	written := 0
	rapid.Check(t, func(t *rapid.T) {
		flags := randomFlags(t, sections)
		want, wrong := schema.Load(app.Input{YAML: []byte{}, Env: []string{}, Flags: flags})
		file, err := schema.Starter(flags)
		if wrong != nil {
			if err == nil || err.Error() != wrong.Error() {
				t.Fatalf("%v: error is %v, want %v", flags, err, wrong)
			}
			return
		}
		if err != nil {
			t.Fatalf("%v: %v", flags, err)
		}
		written++
		for name, file := range map[string][]byte{"the file": file, "the file with all keys": allKeys.ReplaceAll(file, []byte("$1$2"))} {
			if err := sameConfiguration(schema, file, want); err != nil {
				t.Fatalf("%v: %s: %v\n%s", flags, name, err, file)
			}
			if err := editor.Check(file); err != nil {
				t.Fatalf("%v: %s: %v\n%s", flags, name, err, file)
			}
		}
	})
	t.Logf("%d flags were right", written)
	if written == 0 {
		t.Error("no flags were right: then the comparison says little")
	}
}

// allKeys matches the "#" before a key of the chosen store, publishers and receivers, and of settings, if the key shows a
// value: one of mixed has no default that is within its bounds.
var allKeys = regexp.MustCompile(`(?m)^( +)#([a-z_.]+: \S)`)

// sameConfiguration returns an error if a file does not say what want says.
func sameConfiguration(schema *app.Schema, file []byte, want *app.Config) error {
	got, err := schema.Load(app.Input{YAML: file, Env: []string{}})
	if err != nil {
		return err
	}
	for name, pair := range map[string][2]any{
		"settings": {got.Settings, want.Settings}, "storage": {got.Storage, want.Storage},
		"publishers": {got.Publishers, want.Publishers}, "receivers": {got.Receivers, want.Receivers},
	} {
		// An empty list is as good as none.
		if a, b := fmt.Sprintf("%+v", plain(pair[0])), fmt.Sprintf("%+v", plain(pair[1])); a != b {
			return fmt.Errorf("the %s are %s, want %s", name, a, b)
		}
	}
	return nil
}

// plain returns choices with their options instead of pointers to them.
func plain(v any) any {
	var list []any
	switch v := v.(type) {
	case app.Choice:
		return plain([]app.Choice{v})
	case []app.Choice:
		for _, c := range v {
			list = append(list, c.Type)
			if c.Options != nil {
				list = append(list, reflect.ValueOf(c.Options).Elem().Interface())
			}
		}
		return list
	}
	return v
}

// randomFlags returns flags of which most are right. Options are given only for types that are chosen.
func randomFlags(t *rapid.T, sections []app.Section) map[string]string {
	flags := map[string]string{}
	add := func(keys []app.Key) {
		for _, k := range keys {
			if seldom(t, 10) { // the more there are, the fewer are all right
				flags[k.Name] = flagOf(t, k)
			}
		}
	}
	for _, section := range sections {
		if section.Kind == "" {
			add(section.Keys)
		}
	}
	store := rapid.SampledFrom(ofKind(sections, "storage")).Draw(t, "store")
	flags["storage.type"] = store.Name
	add(store.Keys)
	for _, kind := range []string{"publishers", "receivers"} {
		chosen := ofKind(sections, kind)
		if rapid.Bool().Draw(t, kind) {
			chosen = rapid.SliceOfN(rapid.SampledFrom(chosen), 0, 3).Draw(t, kind)
			var names []string
			for _, c := range chosen {
				names = append(names, c.Name)
			}
			flags[kind] = strings.Join(names, ",")
		} else {
			chosen = slices.DeleteFunc(chosen, func(s app.Section) bool { return !slices.Contains(usualOf(sections, kind), s.Name) })
		}
		for _, c := range chosen {
			add(c.Keys)
		}
	}
	return flags
}

// usualOf returns the names of a kind that are used if no flag says which.
func usualOf(sections []app.Section, kind string) []string {
	for _, s := range sections {
		if s.Kind == kind && s.Name == "" {
			return strings.Split(s.Keys[0].Default, ",")
		}
	}
	return nil
}

// flagOf returns a value of a key as a flag has it.
func flagOf(t *rapid.T, k app.Key) string {
	values := unchecked[k.Name]
	switch {
	case values != nil:
	case k.Type == "a list of texts":
		values = []any{rapid.SliceOfN(rapid.StringN(0, 4, -1), 0, 3).Draw(t, "list")}
	case len(k.Choices) > 0 && !seldom(t, 10): // otherwise hardly any flags would be right
		for _, choice := range k.Choices {
			values = append(values, choice)
		}
	case seldom(t, 30):
		return "wrong"
	default:
		values = ofType(t, k)
	}
	v := rapid.SampledFrom(values).Draw(t, k.Name)
	if list, is := v.([]string); is {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(v)
}

// TestStarterHasEveryType: the stores and publishers that are not chosen are in the file as comments. Without the "#" they
// have their defaults.
func TestStarterHasEveryType(t *testing.T) {
	schema, editor := schemaOfAll(t)
	const chosen = "# the publishers that are used, in this order\npublishers:\n  - type: websocket\n"
	file, err := schema.Starter(map[string]string{"publishers": "websocket"})
	if err != nil || !strings.Contains(string(file), chosen) {
		t.Fatalf("%v\n%s", err, file)
	}
	main := regexp.MustCompile(`(?m)^storage:\n((  .*)?\n)*`)
	for _, name := range schema.Types("storage") {
		other := regexp.MustCompile(`(?m)^#storage:\n#  type: ` + name + `\n(#.*\n)*`).FindString(string(file))
		if name == "sqlite" {
			if other != "" {
				t.Errorf("the store that is chosen is in a comment too:\n%s", other)
			}
			continue
		}
		without := regexp.MustCompile("(?m)^#").ReplaceAllString(other, "")
		changed := strings.Replace(string(file), main.FindString(string(file)), without, 1)
		want, err := schema.Load(app.Input{YAML: []byte{}, Env: []string{}, Flags: map[string]string{
			"storage.type": name, "publishers": "websocket"}})
		if err != nil {
			t.Fatal(err)
		}
		loads, checks := sameConfiguration(schema, []byte(changed), want), editor.Check([]byte(changed))
		if loads != nil || checks != nil {
			t.Errorf("%s: %v, %v\n%s", name, loads, checks, changed)
		}
	}
	all := regexp.MustCompile(`(?m)^  #(- |  )`).ReplaceAllString(string(file), "  $1")
	env := []string{} // what an adapter can't do without
	for _, k := range schema.Keys() {
		if k.Required {
			env = append(env, k.Env+"=x")
		}
	}
	c, err := schema.Load(app.Input{YAML: []byte(all), Env: env})
	if err != nil || len(c.Receivers) != len(schema.Types("receivers")) || len(c.Publishers) != len(schema.Types("publishers")) {
		t.Errorf("all publishers: %v\n%s", err, all)
	}
}

func TestStarterRefusesWhatItWouldNotUse(t *testing.T) {
	schema, _ := schemaOfAll(t)
	for key, flags := range map[string]map[string]string{
		"storage.url":             {"storage.url": "postgres://db"},
		"publishers.sse.lifetime": {"publishers.sse.lifetime": "5m", "publishers": "websocket"},
	} {
		if _, err := schema.Starter(flags); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%v: error is %v", flags, err)
		}
	}
}
