// Package rest is what REST interfaces have in common: how they read and write JSON, and how they refuse.
package rest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// maxBody is the largest request body, in bytes.
const maxBody = 1 << 20

// maxDepth is how deep a body's objects and arrays may be nested.
const maxDepth = 32

// Body is the field that an error names if the body as a whole is wrong.
const Body = "body"

// ReadBody reads a JSON body into v, as decode does. The error is an ErrInvalid that names the field, or a Refusal.
func ReadBody(w http.ResponseWriter, r *http.Request, v any) error {
	if err := jsonMedia(r.Header); err != nil {
		return err
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		w.Header().Set("Connection", "close") // otherwise the answer waits for the rest of the body
		return &Refusal{Problem: route.Problem{Status: http.StatusRequestEntityTooLarge, Field: Body,
			Detail: fmt.Sprintf("body: must be at most %d bytes", maxBody)}}
	case err != nil:
		return motacilla.Invalid(Body, "could not be read to its end")
	}
	return decode(data, v)
}

func jsonMedia(h http.Header) error {
	media, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset, has := params["charset"]
	ok := err == nil && media == "application/json" && len(h.Values("Content-Type")) == 1 &&
		(len(params) == 0 || len(params) == 1 && has && strings.EqualFold(charset, "utf-8"))
	if !ok {
		return &Refusal{Problem: route.Problem{Status: http.StatusUnsupportedMediaType, Field: "Content-Type",
			Detail: "Content-Type: must be application/json"}}
	}
	return Uncompressed(h)
}

// Uncompressed returns a 415 if the body is compressed.
func Uncompressed(h http.Header) error {
	if coding := h.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return &Refusal{Problem: route.Problem{Status: http.StatusUnsupportedMediaType, Field: "Content-Encoding",
			Detail: "Content-Encoding: the body must not be compressed"}}
	}
	return nil
}

// decode decodes one JSON object into v. Names are case-sensitive. It refuses unknown and repeated names, trailing data,
// invalid UTF-8, lone surrogates, U+0000 and deep nesting.
//
// Decoding into a struct finds all of these except U+0000 and null. Nothing nested deep fits a field. If decoding fails,
// decode scans the data from the beginning, to name what is wrong.
func decode(data []byte, v any) error {
	if object := bytes.TrimLeft(data, " \t\r\n"); len(object) > 0 && object[0] == '{' && !bytes.Contains(data, []byte(`\u0000`)) {
		if json.Unmarshal(data, v, strict) == nil {
			return nil
		}
	}
	if err := scan(data); err != nil {
		return err
	}
	err := json.Unmarshal(data, v, strict)
	if err == nil {
		return nil
	}
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return syntaxProblem(err)
	}
	field := fieldName(semantic.JSONPointer)
	switch {
	case errors.Is(err, json.ErrUnknownName):
		return motacilla.Invalid(field, "is not a field that can be set here")
	case semantic.JSONKind == 'n' || errors.Is(err, errNull):
		return motacilla.Invalid(field, "must not be null")
	}
	return motacilla.Invalid(field, "must be %s", expected(semantic.GoType))
}

// scan finds what decoding into a struct does not find, or does not name.
func scan(data []byte) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data))
	if kind := dec.PeekKind(); kind != '{' && kind != 0 {
		return motacilla.Invalid(Body, "must be a JSON object")
	}
	for {
		token, err := dec.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return motacilla.Invalid(Body, "must be a JSON object, not empty")
		case err != nil:
			return syntaxProblem(err)
		case token.Kind() == '"' && strings.IndexByte(token.String(), 0) >= 0:
			return motacilla.Invalid(fieldName(dec.StackPointer()), "must not contain U+0000")
		case dec.StackDepth() > maxDepth:
			return motacilla.Invalid(fieldName(dec.StackPointer()), "must not be nested deeper than %d", maxDepth)
		}
		if dec.StackDepth() == 0 {
			break
		}
	}
	if rest := bytes.Trim(data[dec.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return motacilla.Invalid(Body, "must be one JSON object, with nothing after it")
	}
	return nil
}

func syntaxProblem(err error) error {
	field, problem := Body, "must be JSON"
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		field = fieldName(syntactic.JSONPointer)
		problem = fmt.Sprintf("is not JSON at byte %d", syntactic.ByteOffset)
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		problem = "must not be given twice"
	}
	return motacilla.Invalid(field, "%s", problem)
}

// fieldName turns /content/0/value/url into content[0].value.url. It cuts long names, which the client may choose.
func fieldName(p jsontext.Pointer) string {
	const most = 100
	var name strings.Builder
	for token := range p.Tokens() {
		switch {
		case name.Len() > 0 && token != "" && strings.Trim(token, "0123456789") == "":
			name.WriteString("[" + token + "]")
		case name.Len() > 0:
			name.WriteString("." + token)
		default:
			name.WriteString(token)
		}
		if name.Len() > most {
			return strings.ToValidUTF8(name.String()[:most], "") + "…"
		}
	}
	if name.Len() == 0 {
		return Body
	}
	return name.String()
}

func expected(t reflect.Type) string {
	if t == nil {
		return "of another type"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Slice:
		return "an array"
	default:
		return "an object"
	}
}

var errNull = errors.New("null")

var strict = json.RejectUnknownMembers(true)

// Maybe is a field that may be left out but must not be null.
type Maybe[T any] struct {
	Set   bool
	Value T
}

// UnmarshalJSONFrom reads the field.
func (m *Maybe[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == 'n' {
		return errNull
	}
	m.Set = true
	return json.UnmarshalDecode(dec, &m.Value, strict)
}

// Or returns the field's value, or other if the field was left out.
func (m Maybe[T]) Or(other T) T {
	if m.Set {
		return m.Value
	}
	return other
}

// Nullable is a string or null.
type Nullable struct {
	Set, Null bool
	Value     string
}

// UnmarshalJSONFrom reads the field.
func (n *Nullable) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	n.Set, n.Null = true, dec.PeekKind() == 'n'
	return json.UnmarshalDecode(dec, &n.Value)
}
