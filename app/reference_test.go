package app_test

import (
	"testing"

	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/storage"
)

// TestStoresShareAKey: two stores share a key. The reference has it for each of them, and there is one flag.
func TestStoresShareAKey(t *testing.T) {
	type first struct {
		URL string `key:"url" doc:"where the first one is"`
	}
	type second struct {
		URL string `key:"url" secret:"true" doc:"where the second one is, with its password"`
	}
	schema, err := app.SchemaOf(
		storage.Register("b", &second{}, func(*second) storage.Store { return nil }),
		storage.Register("a", &first{URL: "first://"}, func(*first) storage.Store { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]app.Key{}
	for _, section := range schema.Reference() {
		for _, k := range section.Keys {
			if k.Name == "storage.url" {
				own[section.Name] = k
			}
		}
	}
	if a := own["a"]; a.Doc != "where the first one is" || a.Default != "first://" || a.Secret {
		t.Errorf("the first store's key is %+v", a)
	}
	if b := own["b"]; b.Doc != "where the second one is, with its password" || b.Default != "" || !b.Secret {
		t.Errorf("the second store's key is %+v", b)
	}
	n := 0
	for _, k := range schema.Keys() {
		if k.Name != "storage.url" {
			continue
		}
		n++
		const doc = "a: where the first one is; b: where the second one is, with its password"
		if k.Doc != doc || k.Default != "" || !k.Secret || k.Env != "MOTACILLA_STORAGE_URL" {
			t.Errorf("the shared key is %+v", k)
		}
	}
	if n != 1 {
		t.Errorf("storage.url is there %d times", n)
	}
}
