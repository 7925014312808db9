package app

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
)

// DefaultFile is the configuration file that is read where none is named and this one exists.
const DefaultFile = "motacilla.yaml"

// Input is where the configuration comes from, in rising order: the file, the environment, flags.
type Input struct {
	File  string            // "": MOTACILLA_CONFIG, else DefaultFile where it exists
	YAML  []byte            // where it is not nil it stands in for the file
	Env   []string          // KEY=value; nil means os.Environ()
	Flags map[string]string // by key, such as "server.addr"
}

// Config is the configuration in force.
type Config struct {
	Settings
	Storage    Choice
	Publishers []Choice // in the order in which readers are offered them
	Receivers  []Choice
	Values     []Value // everything that is in force, in the order of the reference
	File       string  // the configuration file that was read; "" where there was none
}

// Choice is one store, publisher or receiver that the configuration names.
type Choice struct {
	Type    string
	Options any // pointer to the options struct, a copy of its own
}

// Value is one key with the value that is in force and where that came from.
type Value struct {
	Key    string // "server.addr", "publishers[0].timeout"
	Value  string // masked where it is a secret
	Raw    any    // as the options have it: a string, bool, int, float64, time.Duration or []string; masked likewise
	Origin string // "default", "file motacilla.yaml", "environment MOTACILLA_SERVER_ADDR", "flag --server.addr"
	Secret bool
}

// layer is what one source says, by key.
type layer struct {
	values map[string]any
	origin func(key string) string
	text   bool // values are text to be parsed
}

// Load reads the configuration strictly: every unknown key, wrong type and unknown name is an error, and all of them
// are reported together.
func (s *Schema) Load(in Input) (*Config, error) {
	if in.Env == nil {
		in.Env = os.Environ()
	}
	env, file, err := s.envLayer(in.Env)
	if in.File == "" {
		in.File = file
	}
	fromFile, fileErr := s.fileLayer(in)
	flags, flagErr := s.flagLayer(in.Flags)
	if err := errors.Join(fileErr, err, flagErr); err != nil {
		return nil, err
	}
	m := &merged{all: koanf.New("\x00"), from: map[string]layer{}} // keys are flat here
	for _, l := range []layer{fromFile, env, flags} {
		if err := m.add(l); err != nil {
			return nil, err
		}
	}
	c, err := s.decode(m)
	if err == nil && in.YAML == nil && fromFile.origin != nil {
		c.File = cmp.Or(in.File, DefaultFile)
	}
	return c, err
}

// merged is what all layers say together, and which of them has said it.
type merged struct {
	all  *koanf.Koanf
	from map[string]layer
}

func (m *merged) add(l layer) error {
	if err := m.all.Load(confmap.Provider(l.values, ""), nil); err != nil {
		return fmt.Errorf("merge configuration: %w", err)
	}
	for key := range l.values {
		m.from[key] = l
	}
	return nil
}

// set gives f the value of key, where there is one, and returns where it came from.
func (m *merged) set(f field, key string) (origin string, err error) {
	l, ok := m.from[key]
	if !ok {
		return "default", nil
	}
	origin = l.origin(key)
	if err := f.set(m.all.Get(key), l.text); err != nil {
		return origin, fmt.Errorf("%s: %w (%s)", key, err, origin)
	}
	return origin, nil
}

// kubernetes sets these for a service that is named motacilla; they are not meant for us.
var kubernetes = regexp.MustCompile(`^MOTACILLA_(SERVICE_(HOST|PORT.*)|PORT(_\d+_(TCP|UDP|SCTP).*)?)$`)

// envServer names the server that the command line talks to, and is no key.
const envServer = envPrefix + "SERVER"

// envLayer reads MOTACILLA_*; a variable that is empty counts as not set.
func (s *Schema) envLayer(env []string) (l layer, file string, err error) {
	l = layer{map[string]any{}, func(key string) string { return "environment " + s.byName[key].Env }, true}
	var errs []error
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, envPrefix) {
			continue
		}
		key, known := s.byEnv[name]
		switch {
		case name == envConfig:
			file = value
		case known && value != "":
			l.values[key.Name] = value
		case !known && name != envServer && !kubernetes.MatchString(name):
			errs = append(errs, fmt.Errorf("unknown environment variable %s; did you mean %s?", name, s.nearestEnv(name)))
		}
	}
	return l, file, errors.Join(errs...)
}

func (s *Schema) flagLayer(flags map[string]string) (layer, error) {
	l := layer{map[string]any{}, func(key string) string { return "flag --" + key }, true}
	var errs []error
	for name, value := range flags {
		if _, known := s.byName[name]; !known {
			errs = append(errs, fmt.Errorf("unknown flag --%s; did you mean --%s?", name, s.nearestKey(name)))
			continue
		}
		l.values[name] = value
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return l, errors.Join(errs...)
}
