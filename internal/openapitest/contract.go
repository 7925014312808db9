// Package openapitest compares a server with its OpenAPI description, in both directions. Each request and answer must
// match the description, and each part of the description must have been seen in a request or an answer.
package openapitest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Contract is a description and the parts of it that have been seen. Its methods may be called from several goroutines.
type Contract struct {
	doc   *openapi3.T
	paths *http.ServeMux

	mu   sync.Mutex
	seen map[any]bool
}

// Exchange is one request and its answer.
type Exchange struct {
	Request     *http.Request // its body is not used
	RequestBody []byte        // as far as the server read it
	Status      int
	Header      http.Header
	Body        []byte
}

// New returns a contract. The description must be valid OpenAPI 3.1, and its examples must match their schemas.
func New(description []byte) (*Contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData(description)
	if err != nil {
		return nil, err
	}
	if !doc.IsOpenAPI31OrLater() {
		return nil, fmt.Errorf("the description is of OpenAPI %s", doc.OpenAPI)
	}
	if err := doc.Validate(context.Background(), openapi3.EnableExamplesValidation()); err != nil {
		return nil, err
	}
	c := &Contract{doc: doc, paths: http.NewServeMux(), seen: map[any]bool{}}
	for path := range doc.Paths.Map() {
		found := func(_ http.ResponseWriter, r *http.Request) { *r.Context().Value(matchKey{}).(*match) = match{path, r} }
		c.paths.HandleFunc(path, found)
		c.paths.HandleFunc(path+"/{$}", found)
	}
	return c, nil
}

type matchKey struct{}

// match is a path of the description, and a request with its parameters.
type match struct {
	path    string
	request *http.Request
}

func (c *Contract) match(r *http.Request) match {
	var m match
	c.paths.ServeHTTP(httptest.NewRecorder(), r.Clone(context.WithValue(r.Context(), matchKey{}, &m)))
	return m
}

// Handler returns h with a check of each request and answer, but not of streams and upgrades.
func (c *Contract) Handler(tb testing.TB, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		asked := r.Clone(r.Context())
		if r.Body != nil {
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.TeeReader(r.Body, &body), r.Body}
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		c.Check(tb, Exchange{asked, body.Bytes(), rec.Code, rec.Result().Header, rec.Body.Bytes()})
		for name, values := range rec.Result().Header {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

// Check compares one exchange with the contract. Status, headers and body must be described. A request that was not refused
// must match its description.
func (c *Contract) Check(tb testing.TB, e Exchange) {
	tb.Helper()
	if err := c.check(e); err != nil {
		tb.Errorf("%s %.200s, answered %d %.500s: against the description: %v",
			e.Request.Method, e.Request.URL, e.Status, e.Body, err)
	}
}

func (c *Contract) check(e Exchange) error {
	m := c.match(e.Request)
	if m.path == "" {
		if e.Status != http.StatusNotFound {
			return fmt.Errorf("the path is not described")
		}
		return nil
	}
	item := c.doc.Paths.Value(m.path)
	operation := item.Operations()[e.Request.Method]
	if operation == nil {
		return c.checkMethod(e, m.path, item)
	}
	params := map[string]string{}
	for _, p := range append(slices.Clone(item.Parameters), operation.Parameters...) {
		if p.Value.In == openapi3.ParameterInPath {
			params[p.Value.Name] = m.request.PathValue(p.Value.Name)
		}
	}
	options := &openapi3filter.Options{
		IncludeResponseStatus: true, AuthenticationFunc: authenticate, SkipSettingDefaults: true, MultiError: true,
		ExcludeRequestBody: binary(e.Request.Header), // the library reads none of these types
	}
	request := e.Request.Clone(context.Background())
	request.Body = io.NopCloser(bytes.NewReader(e.RequestBody))
	in := &openapi3filter.RequestValidationInput{
		Request: request, PathParams: params, Options: options,
		Route: &routers.Route{Spec: c.doc, Path: m.path, PathItem: item, Method: e.Request.Method, Operation: operation},
	}
	if e.Status < http.StatusBadRequest {
		if content := e.Request.Header.Get("Content-Type"); binary(e.Request.Header) &&
			(operation.RequestBody == nil || operation.RequestBody.Value.Content.Get(content) == nil) {
			return fmt.Errorf("a body of the type %s is not described", content)
		}
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			return fmt.Errorf("the request should have been refused: %w", err)
		}
		if err := c.sawRequest(item, operation, e); err != nil {
			return err
		}
	}
	// The library has no schema for bodies that are not JSON.
	options.ExcludeResponseBody = !strings.HasSuffix(e.Header.Get("Content-Type"), "json")
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: e.Status, Header: e.Header, Options: options}
	out.SetBodyBytes(e.Body)
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		return err
	}
	ref := operation.Responses.Status(e.Status)
	if ref == nil {
		return fmt.Errorf("the status %d is not described", e.Status)
	}
	return c.checkResponse(e, operation, ref.Value)
}

// checkMethod checks the answer to a method that the path does not have.
func (c *Contract) checkMethod(e Exchange, path string, item *openapi3.PathItem) error {
	if e.Status != http.StatusMethodNotAllowed {
		return fmt.Errorf("the path has no %s: must be 405", e.Request.Method)
	}
	allowed := strings.Split(e.Header.Get("Allow"), ", ")
	slices.Sort(allowed)
	var described []string
	for method := range item.Operations() {
		described = append(described, method)
	}
	slices.Sort(described)
	if !slices.Equal(allowed, described) {
		return fmt.Errorf("the header Allow has %v, the description %v", allowed, described)
	}
	c.see(methodKey(path))
	return c.checkResponse(e, nil, c.doc.Components.Responses["MethodNotAllowed"].Value)
}

// common are headers that any answer may have. They are not part of the interface.
var common = []string{
	"Cache-Control", "Connection", "Content-Length", "Content-Type", "Date", "Referrer-Policy", "Transfer-Encoding", "Vary",
	"X-Accel-Buffering", "X-Content-Type-Options", "Upgrade", "Sec-Websocket-Accept", "Sec-Websocket-Version",
}

func (c *Contract) checkResponse(e Exchange, operation *openapi3.Operation, response *openapi3.Response) error {
	c.see(statusKey{operation, e.Status})
	for name, header := range response.Headers {
		if _, there := e.Header[http.CanonicalHeaderKey(name)]; there {
			c.see(headerKey{operation, e.Status, name})
		} else if header.Value.Required {
			return fmt.Errorf("the header %s is missing", name)
		}
	}
	for name := range e.Header {
		described := func(other string) bool { return http.CanonicalHeaderKey(other) == name }
		if !slices.Contains(common, name) && !anyKey(response.Headers, described) {
			return fmt.Errorf("the header %s is not described", name)
		}
	}
	content := response.Content.Get(e.Header.Get("Content-Type"))
	if content == nil {
		if len(e.Body) > 0 {
			return fmt.Errorf("a body is not described")
		}
		return nil
	}
	if !strings.HasSuffix(e.Header.Get("Content-Type"), "json") || e.Request.Method == http.MethodHead {
		return nil
	}
	var value any
	if err := json.Unmarshal(e.Body, &value); err != nil {
		return err
	}
	if err := content.Schema.Value.VisitJSON(value, openapi3.EnableJSONSchema2020()); err != nil {
		return err // a 405, which the library does not check
	}
	if problem, ok := value.(map[string]any); ok && e.Status >= 400 && problem["status"] != float64(e.Status) {
		return fmt.Errorf("the problem's status is %v", problem["status"])
	}
	return c.sawValue("answer", content.Schema.Value, value, true)
}

// CheckValue compares a JSON value, such as the data of an event, with the component schema of that name.
func (c *Contract) CheckValue(tb testing.TB, name string, data []byte) {
	tb.Helper()
	schema := c.doc.Components.Schemas[name]
	var value any
	err := json.Unmarshal(data, &value)
	if err == nil {
		err = schema.Value.VisitJSON(value, openapi3.EnableJSONSchema2020())
	}
	if err == nil {
		err = c.sawValue(name, schema.Value, value, true)
	}
	if err != nil {
		tb.Errorf("%.500s: against the description: %v", data, err)
	}
}

// authenticate checks that a request has credentials. The server decides whether they are right.
func authenticate(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	r := in.RequestValidationInput.Request
	switch s := in.SecurityScheme; {
	case s.Type == "http" && s.Scheme == "bearer" && strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "):
		return nil
	case s.Type == "apiKey" && s.In == "cookie" && len(r.CookiesNamed(s.Name)) > 0:
		return nil
	case s.Type == "apiKey" && s.In == "query" && r.URL.Query().Has(s.Name):
		return nil
	}
	return in.NewError(fmt.Errorf("%s is missing", in.SecuritySchemeName))
}

func anyKey[V any](m map[string]V, is func(string) bool) bool {
	for key := range m {
		if is(key) {
			return true
		}
	}
	return false
}
