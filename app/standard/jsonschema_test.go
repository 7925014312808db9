package standard_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
	"github.com/motacilla-live/motacilla/internal/configtest"
	"github.com/motacilla-live/motacilla/receiver"
	"github.com/motacilla-live/motacilla/storage"
	"pgregory.net/rapid"
)

// mixed has an option of every type, with and without bounds.
type mixed struct {
	Text     string        `key:"text" doc:"any text"`
	Short    string        `key:"short" min:"1" max:"3" doc:"a short text"`
	Word     string        `key:"word" choices:"one,two" doc:"a word"`
	Whole    int           `key:"whole" doc:"any whole number"`
	Small    int           `key:"small" min:"-1" max:"50" doc:"a small one"`
	Ratio    float64       `key:"ratio" min:"-0.5" max:"0.5" doc:"a number"`
	Any      float64       `key:"any" doc:"any number"`
	Fast     bool          `key:"fast" doc:"a flag"`
	Wait     time.Duration `key:"wait" min:"15s" doc:"a duration"`
	Odd      time.Duration `key:"odd" min:"123ms" doc:"another one"`
	Pause    time.Duration `key:"pause" doc:"any duration"`
	Tags     []string      `key:"tags" doc:"a list"`
	Advanced struct {
		Depth int `key:"depth" min:"0" doc:"in a group"`
	} `key:"advanced"`
}

// schemaOfAll returns the keys of the project's adapters, and of some more that have options of every type.
func schemaOfAll(t *testing.T) (*app.Schema, *configtest.Schema) {
	t.Helper()
	schema, err := app.SchemaOf(standard.Module,
		storage.Register("mixed", &mixed{}, func(*mixed) storage.Store { return nil }),
		receiver.Register("mixed", &mixed{}, func(*mixed) receiver.Receiver { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	text, err := schema.JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	return schema, configtest.New(t, text)
}

func accepts(schema *app.Schema, file []byte) error {
	_, err := schema.Load(app.Input{YAML: file, Env: []string{}})
	return err
}

// TestSchemaAcceptsWhatLoadAccepts: for random files, the JSON Schema and Load agree. The files are of the kind that both can
// judge: what only Load sees is in TestRealChecks.
func TestSchemaAcceptsWhatLoadAccepts(t *testing.T) {
	schema, editor := schemaOfAll(t)
	sections := schema.Reference()
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		file, err := json.MarshalIndent(randomFile(t, sections), "", " ") // JSON is YAML
		if err != nil {
			t.Fatal(err)
		}
		loads, checks := accepts(schema, file), editor.Check(file)
		if (loads == nil) != (checks == nil) {
			t.Fatalf("%s\nLoad: %v\nJSON Schema: %v", file, loads, checks)
		}
		if loads == nil {
			accepted++
		}
	})
	if accepted == 0 {
		t.Error("no file was accepted: then the comparison says little")
	}
}

// randomFile returns a file in which most values are right.
func randomFile(t *rapid.T, sections []app.Section) map[string]any {
	file := map[string]any{}
	for _, section := range sections {
		if section.Kind != "" {
			continue
		}
		for _, k := range section.Keys {
			if seldom(t, 6) {
				put(t, file, k.Name, valueOf(t, k))
			}
		}
	}
	stores := ofKind(sections, "storage")
	switch rapid.IntRange(0, 5).Draw(t, "storage") {
	case 0: // the default
	case 1:
		file["storage"] = anything(t)
	case 2: // without a type: the keys of the default store
		untyped := options(t, stores[0], "storage.", true)
		if seldom(t, 3) {
			untyped["type"] = nil
		}
		file["storage"] = untyped
	default:
		store := rapid.SampledFrom(stores).Draw(t, "store")
		chosen := options(t, store, "storage.", true)
		chosen["type"] = store.Name
		if seldom(t, 10) {
			chosen["type"] = rapid.SampledFrom([]any{"pigeon", "sqlite ", 5, true, []string{"sqlite"}}).Draw(t, "type")
		}
		file["storage"] = chosen
	}
	for _, kind := range []string{"publishers", "receivers"} {
		randomList(t, file, kind, ofKind(sections, kind))
	}
	if seldom(t, 20) {
		file[rapid.SampledFrom([]string{"", "serve", "type", "storage.kind"}).Draw(t, "unknown key")] = anything(t)
	}
	return file
}

// randomList adds publishers or receivers, in each of the forms that they may have.
func randomList(t *rapid.T, file map[string]any, kind string, adapters []app.Section) {
	var names []string
	for _, a := range adapters {
		names = append(names, a.Name)
	}
	some := rapid.SliceOfN(rapid.SampledFrom(append(names, "pigeon")), 0, 3)
	if !seldom(t, 10) {
		some = rapid.SliceOfN(rapid.SampledFrom(names), 0, 3)
	}
	adapter := func() app.Section { return rapid.SampledFrom(adapters).Draw(t, "adapter") }
	switch rapid.IntRange(0, 6).Draw(t, kind) {
	case 0, 1:
	case 2:
		file[kind] = anything(t)
	case 3:
		file[kind] = strings.Join(some.Draw(t, "names"), rapid.SampledFrom([]string{",", " , ", ",,", " "}).Draw(t, "between"))
	case 4:
		a := adapter()
		file[kind] = map[string]any{a.Name: options(t, a, kind+"."+a.Name+".", true)}
	default:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "entries") {
			a := adapter()
			switch entry := options(t, a, kind+"."+a.Name+".", false); {
			case seldom(t, 5):
				list = append(list, rapid.SampledFrom(append(names, "pigeon", " sse", "")).Draw(t, "name"))
			case seldom(t, 10):
				list = append(list, anything(t))
			default:
				if !seldom(t, 20) {
					entry["type"] = a.Name
				}
				if seldom(t, 20) {
					entry["type"] = anything(t)
				}
				list = append(list, entry)
			}
		}
		file[kind] = list
	}
}

// options returns random options of an adapter. If nested is true, a dot in a key is a mapping within the mapping.
func options(t *rapid.T, adapter app.Section, prefix string, nested bool) map[string]any {
	some := map[string]any{}
	for _, k := range adapter.Keys {
		if !seldom(t, 3) {
			continue
		}
		if name := strings.TrimPrefix(k.Name, prefix); nested {
			put(t, some, name, valueOf(t, k))
		} else {
			some[name] = valueOf(t, k)
		}
	}
	if seldom(t, 20) {
		some["unknown"] = anything(t)
	}
	return some
}

// put adds a value under a key with dots, or something else in the place of a mapping.
func put(t *rapid.T, to map[string]any, key string, value any) {
	group, rest, nested := strings.Cut(key, ".")
	if !nested {
		to[key] = value
		return
	}
	if seldom(t, 40) {
		to[group] = anything(t)
		return
	}
	inner, is := to[group].(map[string]any)
	if !is {
		inner = map[string]any{}
		to[group] = inner
	}
	put(t, inner, rest, value)
}

// unchecked are values of keys whose form only Load checks. They are right.
var unchecked = map[string][]any{
	"server.admin": {"", "127.0.0.1:9090", "unix:/run/admin.sock"}, "server.socket_mode": {"0600", "0660"},
	"server.pprof": {false}, // only with server.admin
	"server.addr":  {":8080", "127.0.0.1:0"}, "server.public_url": {"", "https://live.example.org/news/live"},
	"server.base_path": {"", "/news/live"}, "page.home": {"", "/", "https://www.example.org"},
	"page.time_zone": {"UTC", "Europe/Berlin"}, "page.channel_languages": {"wahl-*=de", []string{"a=ar", "b=pt-BR"}},
	"server.origins": {"https://a.example", "*", []string{"*"}, []string{}}, "server.token": {"", "secret"},
	"server.compression": {"gzip", "", []string{"br", "zstd"}, []string{}},
	"outbound.allow":     {"10.1.2.0/24", "", []string{"10.0.0.0/8", "fd00::/8"}}, "server.trusted_proxies": {"127.0.0.1", "", []string{"10.0.0.0/8", "::1"}},
	// Most keys of TLS need a certificate, and then others of them.
	"server.tls.cert": {""}, "server.tls.key": {""}, "server.tls.ocsp": {false}, "server.tls.hsts": {"0s"}, "server.tls.redirect_from": {""},
	"server.tls.acme.hosts": {"", []string{}}, "server.tls.acme.email": {""}, "server.tls.acme.roots": {""}, "server.tls.acme.secret": {""},
	"server.tls.acme.eab_id": {""}, "server.tls.acme.eab_key": {""}, "server.tls.acme.directory": {"https://ca.example/dir"},
}

// valueOf returns a value of a key: most are of its type, near its bounds, or a choice.
func valueOf(t *rapid.T, k app.Key) any {
	right := unchecked[k.Name]
	if right == nil {
		right = ofType(t, k)
	}
	if seldom(t, 20) {
		return nil // a key with nothing behind it
	}
	if !seldom(t, 30) {
		return rapid.SampledFrom(right).Draw(t, k.Name)
	}
	wrong := anything(t)
	if _, isBool := wrong.(bool); unchecked[k.Name] != nil && isBool {
		return 5
	}
	if _, isText := wrong.(string); unchecked[k.Name] != nil && isText {
		return 5
	}
	if _, isList := wrong.([]string); unchecked[k.Name] != nil && isList {
		return []int{5}
	}
	return wrong
}

func ofType(t *rapid.T, k app.Key) []any {
	switch kind, _, _ := strings.Cut(k.Type, " such as "); kind {
	case "text":
		values := []any{rapid.StringN(0, 4, -1).Draw(t, "text"), strings.Repeat("ü", 200), strings.Repeat("x", 201), "a\nb", "#: "}
		for _, choice := range k.Choices {
			values = append(values, choice, choice)
		}
		return values
	case "true or false":
		return []any{true, false}
	case "a whole number":
		return near(t, k.Bounds)
	case "a number":
		return append(near(t, k.Bounds), 0.5, -0.5, 0.51, -0.51)
	case "a duration":
		d := time.Duration(rapid.Int64Range(0, int64(100*time.Hour)).Draw(t, "duration"))
		short := time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "short duration"))
		return []any{d.String(), d.String(), short.String(), short.Truncate(time.Millisecond).String(), "0", "0s", ".5s", "1.s", "+15s",
			"015s", "14.999s", "122.9ms", "122999us", "123000us", "999ms", "1000ms", "0999999999ns", "1000000000ns", "1h30m", "1m30", "1 s", "-15s"}
	case "a list of texts":
		return []any{"a,b", []string{}, []string{"a", ""}}
	}
	t.Fatalf("values of type %q are not known to this test", k.Type)
	return nil
}

// near returns numbers at both sides of bounds in words, such as "1 to 500".
func near(t *rapid.T, bounds string) []any {
	values := []any{rapid.IntRange(-3, 600).Draw(t, "number")}
	for _, word := range strings.Fields(bounds) {
		if n, err := strconv.Atoi(word); err == nil {
			values = append(values, n-1, n, n+1)
		}
	}
	return values
}

// anything returns a value of any type.
func anything(t *rapid.T) any {
	return rapid.SampledFrom([]any{
		nil, true, false, 0, 1, -1, 2.5, 1 << 40, "", "x", "1s", "debug", "sse", []string{}, []string{"sse"}, []int{1},
		map[string]any{}, map[string]any{"x": 1},
	}).Draw(t, "anything")
}

// seldom is true once in n times.
func seldom(t *rapid.T, n int) bool { return rapid.IntRange(1, n).Draw(t, "one in") == n }

func ofKind(sections []app.Section, kind string) []app.Section {
	var list []app.Section
	for _, s := range sections {
		// What an adapter can't do without may come from the environment. So the schema does not ask for it, but Load does.
		if s.Kind == kind && s.Name != "" && !slices.ContainsFunc(s.Keys, func(k app.Key) bool { return k.Required }) {
			list = append(list, s)
		}
	}
	return list
}

// TestRealChecks lists what the JSON Schema can't know: Load alone refuses it, or the schema alone.
func TestRealChecks(t *testing.T) {
	schema, editor := schemaOfAll(t)
	for _, file := range []string{
		"server: {addr: localhost}", "server: {public_url: live.example.org}", "server: {origins: [www.example.org]}",
		"server: {trusted_proxies: [here]}", "server: {token: 'a b'}", "server: {base_path: live/}", "page: {home: 'ftp://x'}", "page: {time_zone: Berlin}",
		"page: {channel_languages: [x]}", "server: {compression: [deflate]}", "server: {compression: [br, br]}",
		"server: {tls: {cert: cert.pem}}", "server: {tls: {hsts: 1h}}", "server: {tls: {acme: {hosts: ['*.example.org']}}}",
		"page: {size: 50.0}", "feed: {stall: 0.005m}", "feed: {stall: 100ms100ms}", "feed: {stall: 99999999h}",
	} {
		if err := editor.Check([]byte(file)); err != nil {
			t.Errorf("the JSON Schema refuses %s: %v", file, err)
		}
		if accepts(schema, []byte(file)) == nil {
			t.Errorf("Load accepts %s", file)
		}
	}
	for _, file := range []string{"server.addr: ':80'", "storage: {url: 5}", "feed: {stall: 15s}\npage: {1: x}"} {
		if editor.Check([]byte(file)) == nil {
			t.Errorf("the JSON Schema accepts %s", file)
		}
	}
}

// TestFilesOfTheProject: the JSON Schema accepts the configuration files that the project ships.
func TestFilesOfTheProject(t *testing.T) {
	_, editor := schemaOfAll(t)
	files, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no files", err)
	}
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := editor.Check(body); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
