package openapitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// The kinds of things that can be seen.
type (
	methodKey string // the path
	statusKey struct {
		operation *openapi3.Operation
		status    int
	}
	headerKey struct {
		operation *openapi3.Operation
		status    int
		name      string
	}
	parameterKey struct {
		operation *openapi3.Operation
		name      string
	}
	propertyKey struct {
		schema *openapi3.Schema
		name   string
	}
)

func (c *Contract) see(key any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[key] = true
}

// sawRequest records the parts of a request that was not refused. It returns an error if a form has a field that is not
// described.
func (c *Contract) sawRequest(item *openapi3.PathItem, operation *openapi3.Operation, e Exchange) error {
	query := e.Request.URL.Query()
	for _, p := range append(slices.Clone(item.Parameters), operation.Parameters...) {
		_, header := e.Request.Header[http.CanonicalHeaderKey(p.Value.Name)]
		if p.Value.In == openapi3.ParameterInPath || p.Value.In == openapi3.ParameterInQuery && query.Has(p.Value.Name) ||
			p.Value.In == openapi3.ParameterInHeader && header {
			c.see(parameterKey{operation, p.Value.Name})
		}
	}
	if operation.RequestBody == nil {
		return nil
	}
	content := operation.RequestBody.Value.Content.Get(e.Request.Header.Get("Content-Type"))
	if content == nil || content.Schema == nil {
		return nil
	}
	if fields, is := formFields(e); is {
		return c.sawValue("request", content.Schema.Value, fields, true)
	}
	var value any
	if json.Unmarshal(e.RequestBody, &value) == nil {
		_ = c.sawValue("request", content.Schema.Value, value, false)
	}
	return nil
}

// binary reports whether a body is an image or a form.
func binary(h http.Header) bool {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return strings.HasPrefix(kind, "image/") || kind == "multipart/form-data"
}

// formFields returns the fields of a form, if e brought one.
func formFields(e Exchange) (fields map[string]any, is bool) {
	kind, params, _ := mime.ParseMediaType(e.Request.Header.Get("Content-Type"))
	if kind != "multipart/form-data" {
		return nil, false
	}
	fields = map[string]any{}
	for r := multipart.NewReader(bytes.NewReader(e.RequestBody), params["boundary"]); ; {
		part, err := r.NextRawPart()
		if err != nil {
			return fields, true
		}
		fields[part.FormName()] = ""
	}
}

// sawValue records the properties of a value. It returns an error if no schema has the property and one must.
func (c *Contract) sawValue(at string, schema *openapi3.Schema, value any, all bool) error {
	switch value := value.(type) {
	case []any:
		applying := c.applying(schema, value)
		for i, element := range value[:min(len(value), 20)] { // the first elements stand for all
			for _, s := range applying {
				if s.Items == nil {
					continue
				}
				if err := c.sawValue(fmt.Sprintf("%s[%d]", at, i), s.Items.Value, element, all); err != nil {
					return err
				}
			}
		}
	case map[string]any:
		applying := c.applying(schema, value)
		for name, inner := range value {
			described := false
			for _, s := range applying {
				next := s.Properties[name]
				if next != nil {
					c.see(propertyKey{s, name})
				} else {
					next = s.AdditionalProperties.Schema
				}
				described = described || next != nil || free(s)
				if next == nil {
					continue
				}
				if err := c.sawValue(at+"."+name, next.Value, inner, all); err != nil {
					return err
				}
			}
			if all && !described {
				return fmt.Errorf("%s.%s is not described", at, name)
			}
		}
	}
	return nil
}

// free reports whether s is an object without a description of its properties.
func free(s *openapi3.Schema) bool {
	return s.Type.Is("object") && len(s.Properties) == 0 && s.AdditionalProperties.Schema == nil
}

// applying returns the schemas that apply to value: schema, those of its allOf, and those alternatives that match.
func (c *Contract) applying(schema *openapi3.Schema, value any) []*openapi3.Schema {
	list := []*openapi3.Schema{schema}
	for _, ref := range schema.AllOf {
		list = append(list, c.applying(ref.Value, value)...)
	}
	for _, ref := range slices.Concat(schema.OneOf, schema.AnyOf) {
		if ref.Value.VisitJSON(value, openapi3.EnableJSONSchema2020()) == nil {
			list = append(list, c.applying(ref.Value, value)...)
		}
	}
	return list
}

// Unseen returns the parts of the description that no exchange has had, of the paths that begin with one of prefixes:
// statuses, headers, parameters, properties of bodies, and a method that a path does not have.
func (c *Contract) Unseen(prefixes ...string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var missing []string
	want := func(key any, format string, args ...any) {
		if !c.seen[key] {
			missing = append(missing, fmt.Sprintf(format, args...))
		}
	}
	visited := map[*openapi3.Schema]bool{}
	for path, item := range c.doc.Paths.Map() {
		if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(path, p) }) {
			continue
		}
		want(methodKey(path), "%s: a method that it does not have", path)
		for method, operation := range item.Operations() {
			at := method + " " + path
			for _, p := range append(slices.Clone(item.Parameters), operation.Parameters...) {
				want(parameterKey{operation, p.Value.Name}, "%s: the parameter %s", at, p.Value.Name)
			}
			if operation.RequestBody != nil {
				for _, content := range operation.RequestBody.Value.Content {
					wantProperties(visited, at+" request", content.Schema, want)
				}
			}
			for code, response := range operation.Responses.Map() {
				var status int
				_, _ = fmt.Sscan(code, &status)
				want(statusKey{operation, status}, "%s: %s", at, code)
				for name := range response.Value.Headers {
					want(headerKey{operation, status, name}, "%s: %s with %s", at, code, name)
				}
				for _, content := range response.Value.Content {
					wantProperties(visited, at+" "+code, content.Schema, want)
				}
			}
		}
	}
	slices.Sort(missing)
	return missing
}

func wantProperties(
	visited map[*openapi3.Schema]bool, at string, ref *openapi3.SchemaRef, want func(key any, format string, args ...any),
) {
	if ref == nil || visited[ref.Value] {
		return
	}
	visited[ref.Value] = true
	if ref.Ref != "" {
		at = ref.Ref
	}
	s := ref.Value
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		want(propertyKey{s, name}, "%s: the property %s", at, name)
		wantProperties(visited, at+"."+name, s.Properties[name], want)
	}
	for _, list := range []openapi3.SchemaRefs{s.AllOf, s.OneOf, s.AnyOf} {
		for i, inner := range list {
			wantProperties(visited, fmt.Sprintf("%s (%d)", at, i), inner, want)
		}
	}
	wantProperties(visited, at+"[]", s.Items, want)
	wantProperties(visited, at+".*", s.AdditionalProperties.Schema, want)
}

// Operations returns the methods of each described path.
func (c *Contract) Operations() map[string][]string {
	all := map[string][]string{}
	for path, item := range c.doc.Paths.Map() {
		all[path] = slices.Sorted(maps.Keys(item.Operations()))
	}
	return all
}
