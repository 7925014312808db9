package app

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// node is a JSON Schema, as far as configurations need it. Its fields are the keywords, in the order in which they are
// written.
type node struct {
	Schema       string      `json:"$schema,omitempty"`
	Title        string      `json:"title,omitempty"`
	Ref          string      `json:"$ref,omitempty"`
	Description  string      `json:"description,omitempty"`
	Type         typeNames   `json:"type,omitempty"`
	Const        any         `json:"const,omitempty"`
	Enum         []any       `json:"enum,omitempty"`
	Default      any         `json:"default,omitempty"`
	WriteOnly    bool        `json:"writeOnly,omitempty"`
	Minimum      any         `json:"minimum,omitempty"`
	Maximum      any         `json:"maximum,omitempty"`
	MinLength    any         `json:"minLength,omitempty"`
	MaxLength    any         `json:"maxLength,omitempty"`
	Pattern      string      `json:"pattern,omitempty"`
	PatternError string      `json:"patternErrorMessage,omitempty"` // not of the standard; editors show it instead of the pattern
	Not          *node       `json:"not,omitempty"`
	Items        *node       `json:"items,omitempty"`
	Properties   *properties `json:"properties,omitempty"`
	Required     []string    `json:"required,omitempty"`
	Closed       *bool       `json:"additionalProperties,omitempty"`
	AnyOf        []*node     `json:"anyOf,omitempty"`
	Definitions  *properties `json:"$defs,omitempty"`
}

// closed is the value of node.Closed: the mapping can have no other keys.
var closed = new(bool)

// typeNames are the types that a value may have. A single one is written without a list.
type typeNames []string

// MarshalJSON is called by encoding/json.
func (t typeNames) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// properties are schemas by name. They keep their order, so that an editor can offer keys in the order of the reference.
type properties struct {
	list []property
}

type property struct {
	name string
	node *node
}

// nested returns the properties of fields.
func nested(fields []field) *properties {
	p := &properties{}
	for _, f := range fields {
		p.nest(f)
	}
	return p
}

// nest adds a field. A dot in its key is a mapping within the mapping. What has nothing behind its key in the file is null,
// and counts as not set.
func (p *properties) nest(f field) {
	path := strings.Split(f.key, ".")
	for _, name := range path[:len(path)-1] {
		group := p.get(name)
		if group == nil || group.Properties == nil {
			group = &node{Type: typeNames{"object", "null"}, Properties: &properties{}, Closed: closed}
			p.add(name, group)
		}
		p = group.Properties
	}
	n := valueNode(f)
	n.Type = append(n.Type, "null")
	if n.Enum != nil {
		n.Enum = append(n.Enum, nil)
	}
	p.add(path[len(path)-1], n)
}

// add adds a property. If there is one of this name, a value may be as either says.
func (p *properties) add(name string, n *node) {
	if known := p.get(name); known != nil {
		if known.AnyOf == nil {
			*known = node{AnyOf: []*node{new(*known)}}
		}
		known.AnyOf = append(known.AnyOf, n)
		return
	}
	p.list = append(p.list, property{name, n})
}

// get returns nil if there is no property of this name.
func (p *properties) get(name string) *node {
	if i := slices.IndexFunc(p.list, func(e property) bool { return e.name == name }); i >= 0 {
		return p.list[i].node
	}
	return nil
}

// refer adds n to the definitions p, and returns a reference to it.
func (p *properties) refer(name string, n *node) *node {
	p.add(name, n)
	return &node{Ref: "#/$defs/" + name}
}

// MarshalJSON is called by encoding/json.
func (p *properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, e := range p.list {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(e.name)
		if err != nil {
			return nil, err
		}
		b.Write(append(name, ':'))
		var body bytes.Buffer
		encoder := json.NewEncoder(&body)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(e.node); err != nil {
			return nil, err
		}
		b.Write(body.Bytes())
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
