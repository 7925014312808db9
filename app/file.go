package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"slices"

	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
	"go.yaml.in/yaml/v3"
)

// fileLayer reads the file, or in.YAML in its stead.
func (s *Schema) fileLayer(in Input) (layer, error) {
	name, body := in.File, in.YAML
	if body == nil {
		named := name != ""
		if !named {
			name = DefaultFile
		}
		var err error
		if body, err = os.ReadFile(name); err != nil {
			if !named && errors.Is(err, fs.ErrNotExist) {
				return layer{}, nil
			}
			return layer{}, fmt.Errorf("read configuration: %w; name a file with --config or %s", err, envConfig)
		}
	} else if name == "" {
		name = "given by the program"
	}
	l := layer{map[string]any{}, func(string) string { return "file " + name }, false}
	k := koanf.New(".")
	if err := k.Load(rawbytes.Provider(body), oneDocument{}); err != nil {
		if bytes.Contains(body, []byte("{channel_id}")) {
			err = fmt.Errorf(`%w; inside { } a path with {channel_id} needs quotes`, err)
		}
		return l, fmt.Errorf("configuration file %s: %w", name, err)
	}
	var errs []error
	all := k.All()
	keys := make([]string, 0, len(all))
	for key := range all {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		v := all[key]
		_, known := s.byName[key]
		switch {
		case v == nil && (known || s.group(key)), isEmptyMap(v) && s.group(key):
			// "server:" with nothing beneath it
		case known:
			l.values[key] = v
		case s.group(key):
			errs = append(errs, fmt.Errorf("configuration file %s: %s: must be a mapping of keys, such as %s",
				name, key, s.nearestKey(key+".")))
		default:
			errs = append(errs, fmt.Errorf("configuration file %s: unknown key %q; did you mean %q?",
				name, key, s.nearestKey(key)))
		}
	}
	return l, errors.Join(errs...)
}

func isEmptyMap(v any) bool {
	m := reflect.ValueOf(v)
	return m.Kind() == reflect.Map && m.Len() == 0
}

// oneDocument is koanf's parser of YAML that takes one document and nothing after it.
type oneDocument struct{}

func (oneDocument) Unmarshal(body []byte) (map[string]any, error) {
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

func (oneDocument) Marshal(map[string]any) ([]byte, error) { return nil, errors.ErrUnsupported }
