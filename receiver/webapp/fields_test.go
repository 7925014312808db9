package webapp

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/motacilla-live/motacilla/internal/postbody"
)

// Each field that a body may have is a property of its schema, and the other way round. The tests that go through the
// contract compare answers with their schemas.
func TestFieldsAreDescribed(t *testing.T) {
	var d struct {
		Components struct {
			Schemas map[string]struct{ Properties map[string]json.RawMessage }
		}
	}
	if err := json.Unmarshal(openAPI, &d); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]any{
		"ChannelInput": channelBody{}, "ChannelPatch": channelPatch{}, "PostInput": postbody.Post{}, "PostPatch": postbody.Patch{},
	} {
		var fields []string
		for field := range reflect.TypeOf(body).Fields() {
			fields = append(fields, field.Tag.Get("json"))
		}
		slices.Sort(fields)
		if described := slices.Sorted(maps.Keys(d.Components.Schemas[name].Properties)); !slices.Equal(fields, described) {
			t.Errorf("%s: %v are read, %v described", name, fields, described)
		}
	}
}
