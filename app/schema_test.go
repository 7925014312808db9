package app

import (
	"strings"
	"testing"
)

// TestStoresShareKeys: two stores have a key of the same name with another default, text and secrecy.
func TestStoresShareKeys(t *testing.T) {
	type open struct {
		URL  string `key:"url" doc:"a server"`
		Pool int    `key:"pool" doc:"connections"`
		Name string `key:"name" doc:"a name"`
	}
	type secret struct {
		URL  string `key:"url" secret:"true" doc:"another server"`
		Pool int    `key:"pool" doc:"connections"`
		Name string `key:"name" doc:"a name"`
	}
	for _, stores := range [][]component{
		{{"a", &open{"a://default", 4, "x"}}, {"b", &secret{"b://hush", 4, "y"}}},
		{{"a", &secret{"a://hush", 4, "x"}}, {"b", &open{"b://default", 4, "y"}}},
	} {
		s, err := newSchema(adapters{stores: stores})
		if err != nil {
			t.Fatal(err)
		}
		keys := map[string]Key{}
		for _, k := range s.Keys() {
			if _, twice := keys[k.Name]; twice {
				t.Errorf("%s is there twice", k.Name)
			}
			keys[k.Name] = k
		}
		url := keys["storage.url"]
		if !url.Secret || url.Default != "" || !strings.HasPrefix(url.Doc, "a: ") || !strings.Contains(url.Doc, "; b: ") {
			t.Errorf("storage.url is %+v", url)
		}
		if k := keys["storage.pool"]; k.Default != "4" || k.Doc != "connections" || k.Secret {
			t.Errorf("storage.pool is %+v", k)
		}
		if k := keys["storage.name"]; k.Default != "" {
			t.Errorf("storage.name is %+v", k)
		}
		for _, c := range stores {
			_, hides := c.options.(*secret)
			for yaml, want := range map[string]string{
				"storage: {type: " + c.name + "}":                    c.name + "://default",
				"storage: {type: " + c.name + ", url: 'x://y:z@w/'}": "x://y:z@w/",
			} {
				if hides {
					want = mask
				}
				config, err := s.Load(Input{YAML: []byte(yaml), Env: []string{}})
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range config.Values {
					if v.Key == "storage.url" && (v.Value != want || v.Secret != hides) {
						t.Errorf("%s: %+v, want %q", yaml, v, want)
					}
				}
			}
		}
	}
}
