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

// openAPI describes the receiver's own routes in OpenAPI 3.1. Other routes' descriptions refer to its components.
//
//go:embed openapi.json
var openAPI []byte

// description is an OpenAPI document, as far as Describe changes it.
type description struct {
	OpenAPI    string                    `json:"openapi"`
	Info       jsontext.Value            `json:"info"`
	Servers    jsontext.Value            `json:"servers"`
	Tags       jsontext.Value            `json:"tags"`
	Paths      map[string]jsontext.Value `json:"paths"`
	Components jsontext.Value            `json:"components"`
}

// document is an encoded description with its entity tag.
type document struct {
	body []byte
	tag  string
}

func newDocument(body []byte) document {
	sum := sha256.Sum256(body)
	return document{body, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// Describe adds routes to the description at /api/openapi.json. base is the path below which the server is, or empty:
// the description's server is there, and so are the locations of what is created. The patterns of routes must have it. A
// route without a description is left out, and so is one that is described already. The routes' descriptions may refer
// to the components of the receiver's own description. A description that is not JSON is an error. Call Describe at most
// once, before the first request.
func (a *Webapp) Describe(base string, routes ...route.Route) error {
	var d description
	if err := json.Unmarshal(openAPI, &d); err != nil {
		return fmt.Errorf("read the description: %w", err)
	}
	for _, rt := range routes {
		if rt.OpenAPI == nil {
			continue
		}
		path := strings.TrimSuffix(strings.TrimPrefix(rt.Pattern, base), "/")
		if _, known := d.Paths[path]; known {
			continue
		}
		item := jsontext.Value(rt.OpenAPI).Clone()
		if err := item.Compact(); err != nil {
			return fmt.Errorf("the description of the route %q: %w", rt.Name, err)
		}
		d.Paths[path] = item
	}
	if base != "" {
		d.Servers = jsontext.Value(`[{"url":"` + base + `","description":"This server"}]`) // a base path has nothing to escape
	}
	a.base = base
	body, err := json.Marshal(d, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("write the description: %w", err)
	}
	a.described = newDocument(body)
	return nil
}

// describe answers with the description. It has no secrets, so tools of any origin may read it.
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
