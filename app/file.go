package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fileLayer reads the file, or in.YAML instead. found says whether there is a file.
func (s *Schema) fileLayer(in Input) (l layer, found bool, err error) {
	name, body := in.File, in.YAML
	if body == nil {
		named := name != ""
		if !named {
			name = DefaultFile
		}
		if body, err = os.ReadFile(name); err != nil {
			if !named && errors.Is(err, fs.ErrNotExist) {
				return nil, false, nil
			}
			return nil, false, fmt.Errorf("read configuration: %w; name a file with --config or %s", err, envConfig)
		}
		found = true
	} else if name == "" {
		name = "given by the program"
	}
	document, err := parseYAML(body)
	if err != nil {
		if bytes.Contains(body, []byte("{channel_id}")) {
			err = fmt.Errorf(`%w; inside { } a path with {channel_id} needs quotes`, err)
		}
		return nil, found, fmt.Errorf("configuration file %s: %w", name, err)
	}
	l = layer{}
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("configuration file %s: %w", name, fmt.Errorf(format, args...)))
	}
	values := map[string]any{}
	for _, twice := range flatten(values, "", document) {
		wrong("%s: stands twice", twice)
	}
	for _, k := range []kind{s.stores, s.media, s.embeds, s.tracing} {
		if err := k.unknownType(values); err != nil { // the other keys are those of a type that is not here: say only that
			wrong("%s.type: %w", k.key, err)
			maps.DeleteFunc(values, func(key string, _ any) bool { return strings.HasPrefix(key, k.key+".") })
		}
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		v := values[key]
		_, known := s.byName[key]
		_, isMap := v.(map[string]any)
		switch {
		case v == nil && (known || s.group(key)), isMap && s.group(key):
			// "server:" with nothing in it
		case known:
			l[key] = given{v, fromFile, "file " + name}
		case s.group(key):
			wrong("%s: must be a mapping of keys, such as %s", key, s.nearestKey(key+"."))
		default:
			wrong("unknown key %q; did you mean %q?", key, s.nearestKey(key))
		}
	}
	return l, found, errors.Join(errs...)
}

// unknownType returns an error if values name a type of which there is no adapter.
func (k kind) unknownType(values map[string]any) error {
	name, ok := values[k.key+".type"].(string)
	if !ok || name == "" || k.optional && name == none {
		return nil
	}
	_, err := k.find(name)
	return err
}

// parseYAML reads one YAML document, which must be a mapping or empty.
func parseYAML(body []byte) (map[string]any, error) {
	dec := yaml.NewDecoder(bytes.NewReader(body))
	var document yaml.Node
	if err := dec.Decode(&document); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var out map[string]any
	if len(document.Content) > 0 && document.Content[0].ShortTag() != "!!null" {
		if document.Content[0].Kind != yaml.MappingNode {
			return nil, errors.New("must be a mapping of keys, such as server: {addr: 127.0.0.1:8080}")
		}
		if err := document.Decode(&out); err != nil {
			return nil, err
		}
	}
	var more any
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("must be one YAML document")
	}
	return out, nil
}

// flatten puts the values of a mapping into values. The keys of a mapping within it are joined by dots; an empty mapping is
// a value. It returns the keys that stand more than once, as in {server.addr: x, server: {addr: x}}.
func flatten(values map[string]any, prefix string, mapping map[string]any) (twice []string) {
	for _, key := range slices.Sorted(maps.Keys(mapping)) {
		v, name := named(mapping[key]), prefix+key
		if inner, ok := v.(map[string]any); ok && len(inner) > 0 {
			twice = append(twice, flatten(values, name+".", inner)...)
			continue
		}
		if _, there := values[name]; there {
			twice = append(twice, name)
		}
		values[name] = v
	}
	return twice
}

// named returns v. If v is a mapping in which some keys are not text, such as 1 or true, named returns it with keys of text.
func named(v any) any {
	mapping, ok := v.(map[any]any)
	if !ok {
		return v
	}
	keys := map[string]any{}
	for key, inner := range mapping {
		keys[fmt.Sprint(key)] = inner
	}
	return keys
}
