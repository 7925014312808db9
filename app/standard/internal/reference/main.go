// Command reference writes the reference of every key, docs/configuration.md, and the JSON Schema of the configuration file,
// docs/motacilla.schema.json. It makes both from the types of the options.
package main

import (
	"log"
	"os"

	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
)

func main() {
	if err := write(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func write(page, jsonSchema string) error {
	schema, err := app.SchemaOf(standard.Module)
	if err != nil {
		return err
	}
	text, err := reference(schema)
	if err != nil {
		return err
	}
	if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
		return err
	}
	body, err := schema.JSONSchema()
	if err != nil {
		return err
	}
	return os.WriteFile(jsonSchema, body, 0o600)
}
