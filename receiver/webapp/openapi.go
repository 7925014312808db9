package webapp

import (
	"crypto/sha256"
	_ "embed" // for openapi.json
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// openAPI describes the receiver's own routes (OpenAPI 3.1), and has the components that others refer to.
//
//go:embed openapi.json
var openAPI []byte

// description is an OpenAPI document as far as it is put together here.
type description struct {
	OpenAPI    string                    `json:"openapi"`
	Info       jsontext.Value            `json:"info"`
	Servers    jsontext.Value            `json:"servers"`
	Tags       jsontext.Value            `json:"tags"`
	Paths      map[string]jsontext.Value `json:"paths"`
	Components jsontext.Value            `json:"components"`
}

// document is a description as it is served.
type document struct {
	body []byte
	tag  string
}

func newDocument(body []byte) document {
	sum := sha256.Sum256(body)
	return document{body, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// Describe puts routes beside the receiver's own into the description at /api/openapi.json: those that have one, at
// their patterns, which are absolute. What they refer to are the components of the receiver's own description. Call it
// before the first request, and once; routes that are described already are left as they are.
func (a *Webapp) Describe(routes ...route.Route) error {
	var d description
	if err := json.Unmarshal(openAPI, &d); err != nil {
		return fmt.Errorf("read the description: %w", err)
	}
	for _, rt := range routes {
		if rt.OpenAPI == nil {
			continue
		}
		path := strings.TrimSuffix(rt.Pattern, "/")
		if _, known := d.Paths[path]; known {
			continue
		}
		item := jsontext.Value(rt.OpenAPI).Clone()
		if err := item.Compact(); err != nil {
			return fmt.Errorf("the description of the route %q: %w", rt.Name, err)
		}
		d.Paths[path] = item
	}
	body, err := json.Marshal(d, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("write the description: %w", err)
	}
	a.described = newDocument(body)
	return nil
}

// describe answers with the description. It tells no secrets, so that any origin's tools may read it.
func (a *Webapp) describe(w http.ResponseWriter, r *http.Request, _ motacilla.ChannelID) error {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", a.described.tag)
	if route.Unchanged(r, a.described.tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(a.described.body)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(a.described.body) // the client may have gone
	return nil
}
