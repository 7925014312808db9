// Package adapter is what Register of the three ports have in common. An adapter is a name that the configuration may
// give, options with their defaults, and a constructor. The app reads the registrations first, then the configuration,
// and then builds its graph with one fx.Module for each adapter that the configuration names.
package adapter

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"

	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

// Group is the tag of the value group of registrations.
const Group = `group:"adapters"`

// Registration is an adapter of the port P, such as storage.Store.
type Registration[P any] struct {
	Name     string // its type in the configuration, such as "sqlite"
	Defaults any    // pointer to the options struct with its defaults; it must not be changed

	kind        string // "store"; it is the key of the adapter's log field too
	constructor reflect.Value
}

// Register puts an adapter of the port P into the graph. See publisher.Register for what it demands of name, defaults
// and constructor. kind is the port's word for an adapter, such as "store".
func Register[P, O any](kind, name string, defaults *O, constructor any) fx.Option {
	if defaults == nil {
		defaults = new(O)
	}
	r := Registration[P]{name, defaults, kind, reflect.ValueOf(constructor)}
	if err := r.check(reflect.TypeFor[*O]()); err != nil {
		return fx.Error(fmt.Errorf("register the %s %q: %w", kind, name, err))
	}
	return fx.Supply(fx.Annotate(r, fx.ResultTags(Group)))
}

// names are those that can be part of a key and of an environment variable.
var names = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

func (r Registration[P]) check(options reflect.Type) error {
	if !names.MatchString(r.Name) {
		return errors.New("its name must be lower-case letters, digits and single hyphens, such as long-polling")
	}
	if options.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("its defaults must be a pointer to a struct, not %v", options)
	}
	if r.constructor.Kind() != reflect.Func {
		return errors.New("its constructor must be a function")
	}
	t, port := r.constructor.Type(), reflect.TypeFor[P]()
	fails := t.NumOut() == 2 && t.Out(1) == reflect.TypeFor[error]()
	if t.NumOut() != 1 && !fails || !t.Out(0).Implements(port) {
		return fmt.Errorf("its constructor must return a %v, or a type that implements it, and may return an error too; it is a %v",
			port, t)
	}
	if options.Elem().NumField() > 0 && !asksFor(slices.Collect(t.Ins()), options) {
		return fmt.Errorf("its constructor must ask for its options, a %v; it is a %v", options, t)
	}
	return nil
}

// asksFor reports whether one of the parameters is a t, or a parameter object that has one.
func asksFor(parameters []reflect.Type, t reflect.Type) bool {
	return slices.ContainsFunc(parameters, func(p reflect.Type) bool {
		if !dig.IsIn(p) {
			return p == t
		}
		var fields []reflect.Type
		for f := range p.Fields() {
			fields = append(fields, f.Type)
		}
		return asksFor(fields, t)
	})
}

// Module is the fx.Module that makes the adapter. at is where the configuration names it, such as "publishers[0] (sse)";
// errors begin with it. options is a pointer of the type of Defaults. These are for the module alone: the options, the
// logger with a field that says which adapter logs, and the adapter, as a P that has the name at. What stands outside
// the module gets the adapter by one of more.
func (r Registration[P]) Module(at string, options any, more ...fx.Option) fx.Option {
	return fx.Module(at,
		fx.Supply(options, fx.Private),
		fx.Provide(fx.Annotated{Name: at, Target: r.named(at)}, fx.Private),
		fx.Decorate(func(log *zap.Logger) *zap.Logger { return log.With(zap.String(r.kind, r.Name)) }),
		fx.Options(more...))
}

// named returns the constructor as one that returns (P, error), and whose errors begin with at.
func (r Registration[P]) named(at string) any {
	t := r.constructor.Type()
	out := []reflect.Type{reflect.TypeFor[P](), reflect.TypeFor[error]()}
	call := r.constructor.Call
	if t.IsVariadic() {
		call = r.constructor.CallSlice
	}
	wrapped := reflect.FuncOf(slices.Collect(t.Ins()), out, t.IsVariadic())
	return reflect.MakeFunc(wrapped, func(args []reflect.Value) []reflect.Value {
		results := call(args)
		if len(results) == 2 && !results[1].IsNil() {
			err := fmt.Errorf("%s: %w", at, results[1].Interface().(error))
			return []reflect.Value{reflect.Zero(out[0]), reflect.ValueOf(err)}
		}
		return []reflect.Value{results[0], reflect.Zero(out[1])}
	}).Interface()
}
