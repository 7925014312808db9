package app

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/motacilla-live/motacilla/internal/configtest"
)

type fileStore struct {
	Path string `key:"path" doc:"the file"`
}

type poller struct {
	Path    string        `key:"path" doc:"path of the route"`
	Timeout time.Duration `key:"timeout" doc:"how long"`
	Ratio   float64       `key:"ratio" doc:"a number"`
	Fast    bool          `key:"fast" doc:"a flag"`
	Tags    []string      `key:"tags" doc:"a list"`
	Logger  *int          `key:"-"`
}

type chat struct {
	Secret string `key:"signing_secret" secret:"true" doc:"the secret"`
	Limit  int    `key:"limit" doc:"a whole number"`
}

func testSchema(t testing.TB) *Schema {
	t.Helper()
	s, err := newSchema(adapters{
		stores:     []component{{"memory", nil}, {"sqlite", &fileStore{"motacilla.db"}}},
		publishers: []component{{"ndjson", &struct{}{}}, {"interval-polling", &poller{}}, {"long-polling", &poller{Timeout: time.Minute}}},
		receivers:  []component{{"chat", &chat{Limit: 5}}, {"webapp", &struct{}{}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func load(t testing.TB, yaml string, env []string, flags map[string]string) (*Config, error) {
	t.Helper()
	return testSchema(t).Load(Input{YAML: []byte(yaml), Env: append([]string{}, env...), Flags: flags})
}

func types(choices []Choice) string {
	names := []string{}
	for _, c := range choices {
		names = append(names, c.Type)
	}
	return strings.Join(names, ",")
}

func TestValuesAreTyped(t *testing.T) {
	t.Chdir(t.TempDir())
	schema := testSchema(t)
	if c, err := schema.Load(Input{Env: []string{}}); err != nil || c.File != "" {
		t.Errorf("without a file it is %q (%v)", c.File, err)
	}
	if err := os.WriteFile(DefaultFile, []byte("server: {origins: [https://a.example], token: secret}"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := schema.Load(Input{Env: []string{}})
	if err != nil || c.File != DefaultFile {
		t.Fatalf("the file is %q (%v)", c.File, err)
	}
	raw := map[string]any{}
	for _, v := range c.Values {
		raw[v.Key] = v.Raw
	}
	for key, want := range map[string]any{
		"page.size": 50, "feed.heartbeat": 15 * time.Second, "server.token": mask, "storage.type": "sqlite",
		"server.origins": []string{"https://a.example"}, "publishers[1].fast": false, "publishers[0].type": "long-polling",
	} {
		if !reflect.DeepEqual(raw[key], want) {
			t.Errorf("%s is %#v, want %#v", key, raw[key], want)
		}
	}
	if got := strings.Join(schema.Types("publishers"), " "); got != "long-polling interval-polling ndjson" {
		t.Errorf("publishers to choose from: %s", got)
	}
}

func TestDefaults(t *testing.T) {
	c, err := load(t, "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Storage.Type != "sqlite" || c.Server.Addr != "127.0.0.1:8080" || c.Page.Size != 50 {
		t.Errorf("defaults are %+v", c)
	}
	if got := types(c.Publishers); got != "long-polling,interval-polling,ndjson" {
		t.Errorf("publishers are %s", got)
	}
	if got := types(c.Receivers); got != "webapp,chat" {
		t.Errorf("receivers are %s", got)
	}
	s, err := newSchema(adapters{stores: []component{{"memory", nil}}})
	if err != nil {
		t.Fatal(err)
	}
	c, err = s.Load(Input{YAML: []byte{}, Env: []string{}})
	if err != nil || c.Storage.Type != "memory" || len(c.Publishers) != 0 {
		t.Errorf("a graph with memory alone: %+v, %v", c, err)
	}
}

func TestStrict(t *testing.T) {
	text, err := testSchema(t).JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	editor := configtest.New(t, text)
	for _, tt := range []struct {
		name  string
		yaml  string
		env   []string
		flags map[string]string
		want  string // "" is no error
		load  bool   // the JSON Schema says otherwise, since it can't know
	}{
		{name: "key", yaml: "server: {adr: x}", want: `unknown key "server.adr"; did you mean "server.addr"?`},
		{name: "group", yaml: "sever: {addr: x}", want: `unknown key "sever.addr"; did you mean "server.addr"?`},
		{name: "group that is a value", yaml: "server: 5", want: "server: must be a mapping of keys, such as server."},
		{name: "empty group", yaml: "server:\nlog: {}\n"},
		{name: "key with dots", load: true, yaml: "server.addr: ':1'\nserver: {public_url: 'https://a.example'}"},
		{name: "key with dots and a slip", yaml: "server.adr: x", want: `unknown key "server.adr"; did you mean "server.addr"?`},
		{name: "key that stands twice", yaml: "server.addr: ':1'\nserver: {addr: ':2'}", want: "server.addr: stands twice"},
		{name: "keys that are no text", yaml: "server: {1: x, true: y}", want: `unknown key "server.1"`},
		{name: "an entry's key that is no text", yaml: "publishers: [{type: long-polling, 1: x}]",
			want: `publishers[0]: unknown key "1" of publisher "long-polling"`},
		{name: "repeated key", yaml: "log: {level: info}\nlog: {level: warn}", want: "already defined"},
		{name: "two documents", load: true, yaml: "log: {level: info}\n---\nlog: {}", want: "one YAML document"},
		{name: "list", yaml: "[1]", want: "must be a mapping of keys, such as server: {"},
		{name: "scalar", yaml: "hello", want: "must be a mapping of keys, such as server: {"},
		{name: "null", yaml: "~"},
		{name: "comment", yaml: "# nothing\n"},
		{name: "alias within itself", yaml: "server: &a {x: *a}", want: "contains itself"},
		{name: "aliases without end", want: "excessive aliasing", yaml: "a: &a [x,x,x,x,x,x,x,x,x]\n" +
			"b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n" +
			"d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n" +
			"f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n"},
		{name: "not YAML", yaml: "a: [", want: "configuration file"},
		{name: "braces without quotes", yaml: "publishers: [{type: long-polling, path: /x/{channel_id}/}]", want: "needs quotes"},
		{name: "number as text", yaml: "server: {token: 123}", want: "server.token: must be text; put it in quotes"},
		{name: "text as number", yaml: "page: {size: '50'}", want: "page.size: must be a whole number (file given by the program)"},
		{name: "number as duration", yaml: "feed: {stall: 15}", want: "feed.stall: must be a duration such as 15s"},
		{name: "negative duration", yaml: "feed: {stall: -15s}", want: "feed.stall: must be a duration"},
		{name: "out of range", yaml: "page: {size: 0}", want: "page.size: must be 1 to 500 (file given by the program)"},
		{name: "limit", yaml: "server: {limits: {readers: -1}}",
			want: "server.limits.readers: must be 0 to 1000000000 ("},
		{name: "limit's key", yaml: "server: {limits: {reader: 1}}",
			want: `unknown key "server.limits.reader"; did you mean "server.limits.readers"?`},
		{name: "limits", yaml: "server: {limits: {readers: 5000, readers_per_channel: 1, readers_per_address: 2}}",
			env:   []string{"MOTACILLA_SERVER_LIMITS_READERS=7"},
			flags: map[string]string{"server.limits.requests_per_address": "20"}},
		{name: "name", yaml: "page: {name: ''}", want: "page.name: must be 1 to 200 characters"},
		{name: "origin", load: true, yaml: "server: {origins: ['www.example.org']}", want: "server.origins: must be"},
		{name: "all are told", yaml: "server: {adr: x}\npaige: 1", want: "\n"},
		{name: "env", env: []string{"MOTACILLA_SERVER_ADDRESS=x"},
			want: "unknown environment variable MOTACILLA_SERVER_ADDRESS; did you mean MOTACILLA_SERVER_ADDR?"},
		{name: "env of kubernetes", env: []string{"MOTACILLA_SERVICE_HOST=x", "MOTACILLA_PORT_80_TCP_ADDR=x", "MOTACILLA_PORT=x"}},
		{name: "env of the command line", env: []string{"MOTACILLA_SERVER=http://x"}},
		{name: "env of others", env: []string{"PATH=x", "MOTA=1"}},
		{name: "env type", env: []string{"MOTACILLA_PAGE_SIZE=many"},
			want: "page.size: must be a whole number (environment MOTACILLA_PAGE_SIZE)"},
		{name: "flag", flags: map[string]string{"sever.addr": "x"}, want: "unknown flag --sever.addr; did you mean --server.addr?"},
		{name: "store", yaml: "storage: {type: postgres}", want: `there is no store "postgres"; known: sqlite, memory`},
		{name: "keys of a store that is not there", yaml: "storage: {type: cloud, bucket: x}",
			want: `storage.type: there is no store "cloud"; known: sqlite, memory`},
		{name: "store's key", yaml: "storage: {type: sqlite, pth: x}", want: `did you mean "storage.path"?`},
		{name: "another store's key after the type", yaml: "storage: {type: memory, path: x}",
			want: `storage.path: the store "memory" has no such key`},
		{name: "another store's key, type from elsewhere", yaml: "storage: {type: sqlite, path: x}",
			env: []string{"MOTACILLA_STORAGE_TYPE=memory"}},
		{name: "publisher", yaml: "publishers: [{type: sse}]",
			want: `publishers[0]: there is no publisher "sse"; known: long-polling, interval-polling, ndjson`},
		{name: "publisher's key", yaml: "publishers: [{type: long-polling, timout: 3s}]",
			want: `publishers[0]: unknown key "timout" of publisher "long-polling"; did you mean "timeout"?`},
		{name: "publisher's type", yaml: "publishers: [{type: long-polling, timeout: soon}]",
			want: "publishers[0].timeout: must be a duration"},
		{name: "no type", yaml: "publishers: [{timeout: 3s}]", want: "publishers[0]: must have a type"},
		{name: "no list", yaml: "publishers: 5", want: "publishers: must be a list"},
		{name: "an entry of another kind", yaml: "publishers: [5]", want: "publishers[0]: must be a mapping"},
		{name: "flag of a type", flags: map[string]string{"publishers.long-polling.timout": "1s"},
			want: "did you mean --publishers.long-polling.timeout?"},
		{name: "receivers", env: []string{"MOTACILLA_RECEIVERS=slack"}, want: `there is no receiver "slack"; known: webapp, chat`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.yaml, tt.env, tt.flags)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error is %v\nwant %q in it", err, tt.want)
			}
			if tt.env != nil || tt.flags != nil {
				return // of which a JSON Schema of the file knows nothing
			}
			refused := editor.Check([]byte(tt.yaml))
			if differ := (refused == nil) != (err == nil); differ != tt.load {
				t.Errorf("the JSON Schema says %v, and Load %v", refused, err)
			}
		})
	}
}

func TestPrecedenceAndOrigins(t *testing.T) {
	c, err := load(t, `
server: {addr: ":1", public_url: "https://a.example", token: "from-file"}
publishers:
  - {type: long-polling, timeout: 10s, path: "/one/{channel_id}"}
  - ndjson
  - {type: long-polling, timeout: 20s, tags: [a, b], ratio: 2, fast: true}
receivers: [{type: chat, signing_secret: "hush"}]
`, []string{"MOTACILLA_SERVER_ADDR=:2", "MOTACILLA_SERVER_PUBLIC_URL=https://b.example", "MOTACILLA_PAGE_SIZE=",
		"MOTACILLA_PUBLISHERS_LONG_POLLING_RATIO=0.5"},
		map[string]string{"server.addr": ":3", "publishers.long-polling.timeout": "30s"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Server.Addr != ":3" || c.Server.PublicURL != "https://b.example" || c.Page.Size != 50 {
		t.Errorf("settings are %+v", c.Settings)
	}
	if got := types(c.Publishers); got != "long-polling,ndjson,long-polling" {
		t.Fatalf("publishers are %s", got)
	}
	want := poller{Timeout: 30 * time.Second, Ratio: 0.5, Fast: true, Tags: []string{"a", "b"}}
	if got := *c.Publishers[2].Options.(*poller); !reflect.DeepEqual(got, want) {
		t.Errorf("publishers[2] is %+v, want %+v", got, want)
	}
	if got := c.Publishers[0].Options.(*poller); got.Path != "/one/{channel_id}" || got.Fast {
		t.Errorf("publishers[0] is %+v", got)
	}
	origins := map[string][2]string{
		"server.addr":                 {":3", "flag --server.addr"},
		"server.public_url":           {"https://b.example", "environment MOTACILLA_SERVER_PUBLIC_URL"},
		"server.token":                {mask, "file given by the program"},
		"page.size":                   {"50", "default"},
		"storage.path":                {"motacilla.db", "default"},
		"publishers[0].timeout":       {"30s", "flag --publishers.long-polling.timeout"},
		"publishers[2].tags":          {"a,b", "file given by the program"},
		"publishers[2].ratio":         {"0.5", "environment MOTACILLA_PUBLISHERS_LONG_POLLING_RATIO"},
		"receivers[0].signing_secret": {mask, "file given by the program"},
		"receivers[0].limit":          {"5", "default"},
	}
	for _, v := range c.Values {
		if want, ok := origins[v.Key]; ok && (v.Value != want[0] || v.Origin != want[1]) {
			t.Errorf("%s is %q from %q, want %q", v.Key, v.Value, v.Origin, want)
		}
		delete(origins, v.Key)
	}
	if len(origins) > 0 {
		t.Errorf("not among the values: %v", origins)
	}
}

func TestNamesInTheEnvironmentTakeDefaults(t *testing.T) {
	c, err := load(t, "publishers: [{type: long-polling, timeout: 10s}]", []string{"MOTACILLA_PUBLISHERS= ndjson, long-polling"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := types(c.Publishers); got != "ndjson,long-polling" || c.Publishers[1].Options.(*poller).Timeout != time.Minute {
		t.Errorf("publishers are %s, %+v", got, c.Publishers[1].Options)
	}
}

func TestChoicesHaveOptionsOfTheirOwn(t *testing.T) {
	s := testSchema(t)
	for range 2 {
		c, err := s.Load(Input{YAML: []byte("publishers: [long-polling, long-polling]"), Env: []string{}})
		if err != nil {
			t.Fatal(err)
		}
		c.Publishers[0].Options.(*poller).Path = "changed"
		if c.Publishers[1].Options.(*poller).Path != "" {
			t.Error("two entries share their options")
		}
	}
}

func TestFile(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, body string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := testSchema(t)
	expect := func(in Input, addr string) {
		t.Helper()
		c, err := s.Load(in)
		if err != nil || c.Server.Addr != addr {
			t.Errorf("Load(%+v) = %+v, %v; want server.addr %s", in, c, err, addr)
		}
	}
	expect(Input{Env: []string{}}, "127.0.0.1:8080")
	write(DefaultFile, "server: {addr: ':1'}")
	write("other.yaml", "server: {addr: ':2'}")
	expect(Input{Env: []string{}}, ":1")
	expect(Input{Env: []string{"MOTACILLA_CONFIG=other.yaml"}}, ":2")
	expect(Input{File: DefaultFile, Env: []string{"MOTACILLA_CONFIG=other.yaml"}}, ":1")
	if _, err := s.Load(Input{File: "none.yaml", Env: []string{}}); err == nil || !strings.Contains(err.Error(), "none.yaml") ||
		!strings.Contains(err.Error(), "--config") {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestToken(t *testing.T) {
	dir := t.TempDir()
	c := &Config{Storage: Choice{"sqlite", &fileStore{filepath.Join(dir, "live.db")}}}
	var told strings.Builder
	made, err := loadToken(c, &told)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, TokenFile)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || made.File != path {
		t.Errorf("token file %s: %v, %v", made.File, info, err)
	}
	if strings.Count(told.String(), made.Secret) != 1 || len(made.Secret) < 20 {
		t.Errorf("told %q", told.String())
	}
	told.Reset()
	if again, err := loadToken(c, &told); err != nil || *again != *made || told.Len() > 0 {
		t.Errorf("at the next start: %v, %v, told %q", again, err, told.String())
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadToken(c, &told); err == nil {
		t.Error("an empty token file is accepted")
	}
	c.Server.Token = "configured"
	if got, err := loadToken(c, &told); err != nil || got.Secret != "configured" || told.Len() > 0 {
		t.Errorf("configured: %v, %v", got, err)
	}
	if got, err := loadToken(&Config{}, &told); err != nil || got.File != "" || !strings.Contains(told.String(), got.Secret) {
		t.Errorf("in memory: %v, %v", got, err)
	}
}

// TestTokenFileLeadsNowhere: a link to a file that is not there, such as a secret that is not mounted, is an error.
func TestTokenFileLeadsNowhere(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "none"), filepath.Join(dir, TokenFile)); err != nil {
		t.Fatal(err)
	}
	c := &Config{Storage: Choice{"sqlite", &fileStore{filepath.Join(dir, "live.db")}}}
	if _, err := loadToken(c, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), TokenFile) {
		t.Errorf("error is %v, want one that names the file", err)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("server: {addr: ':1'}\npublishers: [{type: long-polling, timeout: 3s}]"), "SERVER_ADDR", ":2")
	f.Add([]byte("storage: {type: memory}\nreceivers: [webapp, {type: chat}]"), "PUBLISHERS", "ndjson,long-polling")
	f.Add([]byte("? [a]\n: {1: 2}\n"), "PUBLISHERS_LONG_POLLING_RATIO", "nan")
	f.Add([]byte("a: &a [*a]"), "", "")
	schema := testSchema(f)
	f.Fuzz(func(t *testing.T, yaml []byte, key, value string) {
		c, err := schema.Load(Input{YAML: append([]byte{}, yaml...), Env: []string{"MOTACILLA_" + key + "=" + value}})
		if err != nil {
			return
		}
		if c.Storage.Type == "" || c.Page.Size < 1 || c.Feed.Stall < time.Second || c.validate() != nil {
			t.Errorf("accepted: %+v", c)
		}
	})
}
