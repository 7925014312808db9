package webhook

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"go.yaml.in/yaml/v3"
)

// Preset is a mapping that comes with the program. It is an entry of receivers with the options that are the source's own.
type Preset struct {
	Name    string
	About   string // in one line
	YAML    string // the entry, as a user may copy it
	Options Options
}

//go:embed presets/*.yaml
var presetFiles embed.FS

// Presets returns all presets, by name.
func Presets() ([]Preset, error) {
	files, err := presetFiles.ReadDir("presets")
	if err != nil {
		return nil, err
	}
	var all []Preset
	for _, f := range files {
		p, err := readPreset(strings.TrimSuffix(f.Name(), ".yaml"))
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Preset) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// FindPreset returns the preset of a name. The error is an ErrInvalid that names preset.
func FindPreset(name string) (Preset, error) {
	files, err := presetFiles.ReadDir("presets")
	if err != nil {
		return Preset{}, err
	}
	var known []string
	for _, f := range files {
		known = append(known, strings.TrimSuffix(f.Name(), ".yaml"))
	}
	if !slices.Contains(known, name) {
		return Preset{}, motacilla.Invalid("preset", "there is no %q; known: %s", name, strings.Join(known, ", "))
	}
	return readPreset(name)
}

func readPreset(name string) (Preset, error) {
	text, err := presetFiles.ReadFile("presets/" + name + ".yaml")
	if err != nil {
		return Preset{}, err
	}
	p := Preset{Name: name, YAML: string(text)}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	p.About = strings.TrimPrefix(string(first), "# ")
	if err := readOptions(text, &p.Options); err != nil {
		return Preset{}, fmt.Errorf("preset %s: %w", name, err)
	}
	return p, nil
}

// ReadOptions reads a mapping that stands in a YAML file of its own: an entry of receivers. The error is an ErrInvalid that names
// the option.
func ReadOptions(text []byte) (*Options, error) {
	o := defaults()
	return o, readOptions(text, o)
}

func readOptions(text []byte, o *Options) error {
	var values map[string]yaml.Node
	if err := yaml.Unmarshal(text, &values); err != nil {
		return motacilla.Invalid("mapping", "must be YAML: %v", err)
	}
	for key, node := range values {
		if key == "type" {
			continue
		}
		f, known := o.keyed(key)
		if !known {
			return motacilla.Invalid(key, "is no option of a webhook")
		}
		if _, isDuration := f.Interface().(time.Duration); isDuration {
			d, err := time.ParseDuration(node.Value)
			if err != nil {
				return motacilla.Invalid(key, "must be a duration such as 5m")
			}
			f.SetInt(int64(d))
			continue
		}
		if err := node.Decode(f.Addr().Interface()); err != nil {
			return motacilla.Invalid(key, "has the wrong type")
		}
	}
	return nil
}
