// Package configtest checks configuration files by the JSON Schema that editors have.
package configtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// Schema is a JSON Schema of a configuration file.
type Schema struct{ compiled *jsonschema.Schema }

// New returns the schema that text holds. If text is no valid JSON Schema of draft 2020-12, the test fails.
func New(t testing.TB, text []byte) *Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("the schema is no JSON: %v", err)
	}
	const place = "motacilla.schema.json"
	c := jsonschema.NewCompiler()
	if err := c.AddResource(place, document); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile(place)
	if err != nil {
		t.Fatalf("the schema is not valid: %v", err)
	}
	return &Schema{compiled}
}

// Check returns an error if the schema refuses a configuration file, or if the file is not YAML with texts as keys. An empty
// file is an empty mapping.
func (s *Schema) Check(file []byte) error {
	var document any
	if err := yaml.Unmarshal(file, &document); err != nil {
		return err
	}
	if document == nil {
		document = map[string]any{}
	}
	text, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("not like JSON: %w", err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.compiled.Validate(value)
}
