package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"mime"
	"net/http"
	"unicode/utf8"

	"github.com/motacilla-live/motacilla"
)

// The limits of a document. They bound the time that paths and templates take.
const (
	maxDepth  = 64
	maxValues = 100_000
	maxParts  = 1000 // messages of one document
)

// document is what a source sent. One goroutine has it.
type document struct {
	header http.Header
	value  any // as JSON decodes it; numbers stay as the source wrote them
	shown  any // value for templates; nil until one asks for it
}

func (d *document) forTemplates() any {
	if d.shown == nil {
		d.shown = forTemplates(d.value)
	}
	return d.shown
}

// part is a piece of a document that may become a post.
type part struct {
	of    *document
	where string // its path, such as $['alerts'][0]
	value any
	shown any // value for templates
}

// readDocument decodes a body. The error is an ErrInvalid that names body.
func readDocument(h http.Header, body []byte) (*document, error) {
	const field = "body"
	if !utf8.Valid(body) {
		return nil, motacilla.Invalid(field, "must be JSON in UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		// curl calls everything a form, so JSON that is called one is taken.
		if media, _, err := mime.ParseMediaType(h.Get("Content-Type")); err == nil && media == "application/x-www-form-urlencoded" {
			return nil, motacilla.Invalid(field, "must be JSON, but is a form: choose application/json at the source")
		}
		var wrong *json.SyntaxError
		if errors.As(err, &wrong) {
			return nil, motacilla.Invalid(field, "must be JSON: %v at byte %d", wrong, wrong.Offset)
		}
		return nil, motacilla.Invalid(field, "must be JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, motacilla.Invalid(field, "must be one JSON document")
	}
	left := maxValues
	if !within(v, maxDepth, &left) {
		return nil, motacilla.Invalid(field, "must have at most %d values, nested at most %d deep", maxValues, maxDepth)
	}
	return &document{header: h, value: v}, nil
}

// within reports whether v is not deeper than depth, and has not more values than are left.
func within(v any, depth int, left *int) bool {
	*left--
	if *left < 0 || depth == 0 {
		return false
	}
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			if !within(e, depth-1, left) {
				return false
			}
		}
	case []any:
		for _, e := range v {
			if !within(e, depth-1, left) {
				return false
			}
		}
	}
	return true
}

// null is JSON's null in templates: it is false, empty in a range, and no text.
type null []any

func (null) String() string { return "" }

// forTemplates returns a value with null in the place of nil, which a template would print as <nil>.
func forTemplates(v any) any {
	switch v := v.(type) {
	case nil:
		return null{}
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, e := range v {
			m[k] = forTemplates(e)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, e := range v {
			l[i] = forTemplates(e)
		}
		return l
	}
	return v
}

// number returns a JSON number as the template's functions compare it. ok is false if v is no number, or one so large that it
// could take much memory.
func number(v any) (n *big.Float, ok bool) {
	var text string
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case int:
		return new(big.Float).SetInt64(int64(v)), true
	case int64:
		return new(big.Float).SetInt64(v), true
	case float64:
		return new(big.Float).SetFloat64(v), true
	default:
		return nil, false
	}
	if f, err := json.Number(text).Float64(); err != nil || f > 1e30 || f < -1e30 {
		return nil, false
	}
	n, _, err := big.ParseFloat(text, 10, 128, big.ToNearestEven)
	return n, err == nil
}
