package app

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// Flags is the configuration as the arguments of a program: --config, and a flag for every key.
type Flags struct {
	schema *Schema
	set    *pflag.FlagSet
	file   string
}

// flagConfig names the configuration file. It is not a key.
const flagConfig = "config"

// Flags adds to set the flag --config, and a flag for every key, in the order of the reference.
func (s *Schema) Flags(set *pflag.FlagSet) *Flags {
	f := &Flags{schema: s, set: set}
	set.SortFlags = false
	set.StringVar(&f.file, flagConfig, "", "configuration file; else "+envConfig+", else "+DefaultFile+" if it exists")
	for _, k := range s.keys {
		set.Var(&argument{takes: takes[k.Type]}, k.Name, usage(k))
	}
	return f
}

// argument is the text that a flag gives to a key. Whoever reads the configuration finds out whether the key takes it.
type argument struct{ text, takes string }

func (a *argument) Set(text string) error { a.text = text; return nil }
func (a *argument) String() string        { return a.text }

// Type returns what the help shows behind the name of the flag.
func (a *argument) Type() string { return a.takes }

// takes says in a word what keys of a type take.
var takes = map[string]string{
	expectedText: "text", expectedDuration: "duration", expectedList: "list", expectedBool: "true|false",
	expectedInt: "number", expectedFloat: "number",
}

// usage returns the line of a key in the help: what it means, which values it takes, and the default.
func usage(k Key) string {
	var more []string
	if k.Required {
		more = append(more, "must be set")
	}
	if k.Bounds != "" {
		more = append(more, k.Bounds)
	}
	if k.Default != "" {
		more = append(more, fmt.Sprintf("default %q", k.Default))
	}
	if more == nil {
		return k.Doc
	}
	return k.Doc + " (" + strings.Join(more, "; ") + ")"
}

// Input returns what the arguments give. Call it after the flag set has parsed them.
func (f *Flags) Input() Input {
	in := Input{File: f.file, Flags: map[string]string{}}
	for _, k := range f.schema.keys {
		if flag := f.set.Lookup(k.Name); flag != nil && flag.Changed {
			in.Flags[k.Name] = flag.Value.String()
		}
	}
	return in
}

// Explain returns err, which the parsing of the arguments returned. If err is about an unknown flag, Explain adds the known
// flag that is most like it.
func (f *Flags) Explain(err error) error {
	unknown := (*pflag.NotExistError)(nil)
	if !errors.As(err, &unknown) {
		return err
	}
	name := unknown.GetSpecifiedName()
	if letters := unknown.GetSpecifiedShortnames(); letters != "" { // -server.addr is parsed as many short flags
		name, _, _ = strings.Cut(letters, "=")
		err = fmt.Errorf("unknown flag: -%s", name)
	}
	names := []string{flagConfig}
	for _, k := range f.schema.keys {
		names = append(names, k.Name)
	}
	return fmt.Errorf("%w; did you mean --%s?", err, Nearest(name, names))
}
