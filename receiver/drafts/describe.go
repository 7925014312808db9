package drafts

import (
	_ "embed" // for openapi.json
	"encoding/json"
)

// openAPI describes the routes, by their paths. It refers to the components of the receiver webapp's description.
//
//go:embed openapi.json
var openAPI []byte

// description returns the description of a path.
func description(path string) []byte {
	var described map[string]json.RawMessage
	if err := json.Unmarshal(openAPI, &described); err != nil {
		panic(err) // a test reads it too
	}
	return described[path]
}
