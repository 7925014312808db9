package app

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// DefaultFile is the configuration file that is read if no other is named. It does not have to exist.
const DefaultFile = "motacilla.yaml"

// Input says where the configuration comes from. The environment overrides the file, and flags override both.
type Input struct {
	File  string            // "" means MOTACILLA_CONFIG, else DefaultFile if it exists
	YAML  []byte            // if it is not nil, it replaces the file
	Env   []string          // KEY=value; nil means os.Environ()
	Flags map[string]string // by key, such as "server.addr"
}

// Config is the configuration in force.
type Config struct {
	Settings
	Storage    Choice
	Media      Choice   // its Type is none if images are not kept
	Embeds     Choice   // its Type is none if embedded pages are not looked up
	Publishers []Choice // in the order in which they are offered to readers
	Receivers  []Choice
	Access     []Choice // who is known, apart from whoever has a token of the server's
	Tracing    Choice   // its Type is none if nothing is traced
	Values     []Value  // every value in force, in the order of the reference
	File       string   // the configuration file that was read; "" if there was none
}

// Choice is a store, publisher or receiver that the configuration names.
type Choice struct {
	Type    string
	Options any // pointer to the options struct; each Choice has its own
}

// Value is one key with the value in force.
type Value struct {
	Key    string // "server.addr", "publishers[0].timeout"
	Value  string // masked if it is a secret
	Raw    any    // a string, bool, int, float64, time.Duration or []string; masked if it is a secret
	Origin string // "default", "file motacilla.yaml", "environment MOTACILLA_SERVER_ADDR", "flag --server.addr"
	Secret bool
}

// source is where a value was given.
type source int

const (
	fromFile source = iota
	fromEnvironment
	fromFlag
)

// given is the value that a source gives to a key. From the environment and from flags it is a string.
type given struct {
	value  any
	source source
	origin string // as Value.Origin
}

// layer is what one source gives, by key.
type layer map[string]given

// Load reads the configuration strictly. Unknown keys, unknown names, and values that have the wrong type or are out of
// range are errors. Load returns all of them together.
func (s *Schema) Load(in Input) (*Config, error) {
	if in.Env == nil {
		in.Env = os.Environ()
	}
	env, file, err := s.envLayer(in.Env)
	if in.File == "" {
		in.File = file
	}
	base, found, fileErr := s.fileLayer(in)
	flags, flagErr := s.flagLayer(in.Flags)
	if err := errors.Join(fileErr, err, flagErr); err != nil {
		return nil, err
	}
	all := layer{}
	maps.Copy(all, base)
	maps.Copy(all, env)
	maps.Copy(all, flags)
	c, err := s.decode(all)
	if err == nil && found {
		c.File = cmp.Or(in.File, DefaultFile)
	}
	return c, err
}

// set gives f the value of key, if there is one. It returns where the value in force came from.
func (l layer) set(f field, key string) (origin string, err error) {
	g, ok := l[key]
	if !ok {
		return "default", nil
	}
	if err := f.set(g.value, g.source != fromFile); err != nil {
		return g.origin, fmt.Errorf("%s: %w (%s)", key, err, g.origin)
	}
	return g.origin, nil
}

// kubernetes matches the variables that Kubernetes sets for a service named motacilla. They are not configuration.
var kubernetes = regexp.MustCompile(`^MOTACILLA_(SERVICE_(HOST|PORT.*)|PORT(_\d+_(TCP|UDP|SCTP).*)?)$`)

// envServer names the server that the command line calls. It is not a key.
const envServer = envPrefix + "SERVER"

// envLayer reads the variables MOTACILLA_*. An empty variable counts as not set.
func (s *Schema) envLayer(env []string) (l layer, file string, err error) {
	l = layer{}
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
			l[key.Name] = given{value, fromEnvironment, "environment " + name}
		case !known && name != envServer && !kubernetes.MatchString(name):
			errs = append(errs, fmt.Errorf("unknown environment variable %s; did you mean %s?", name, s.nearestEnv(name)))
		}
	}
	return l, file, errors.Join(errs...)
}

func (s *Schema) flagLayer(flags map[string]string) (layer, error) {
	l := layer{}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		if _, known := s.byName[name]; !known {
			errs = append(errs, fmt.Errorf("unknown flag --%s; did you mean --%s?", name, s.nearestKey(name)))
			continue
		}
		l[name] = given{flags[name], fromFlag, "flag --" + name}
	}
	return l, errors.Join(errs...)
}
