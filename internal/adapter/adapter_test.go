package adapter_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/motacilla-live/motacilla/internal/adapter"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

// port is the port of this test. named is an adapter of it.
type port interface{ Name() string }

type named string

func (n named) Name() string { return string(n) }

type options struct {
	Path string `key:"path"`
}

func TestWrongRegistrations(t *testing.T) {
	right := func(*options) named { return "" }
	for _, tt := range []struct {
		name string
		give fx.Option
		want string
	}{
		{"no function", adapter.Register[port]("publisher", "own", &options{}, "New"),
			`register the publisher "own": its constructor must be a function`},
		{"nil", adapter.Register[port]("publisher", "own", &options{}, nil), "must be a function"},
		{"no result", adapter.Register[port]("publisher", "own", &options{}, func(*options) {}),
			`register the publisher "own": its constructor must return a adapter_test.port`},
		{"another result", adapter.Register[port]("publisher", "own", &options{}, func(*options) string { return "" }),
			"its constructor must return a adapter_test.port"},
		{"a second result that is no error", adapter.Register[port]("publisher", "own", &options{},
			func(*options) (named, string) { return "", "" }), "its constructor must return a adapter_test.port"},
		{"three results", adapter.Register[port]("publisher", "own", &options{},
			func(*options) (named, named, error) { return "", "", nil }), "its constructor must return a adapter_test.port"},
		{"options that nothing takes", adapter.Register[port]("publisher", "own", &options{}, func() named { return "" }),
			"its constructor must ask for its options, a *adapter_test.options; it is a func() adapter_test.named"},
		{"options as a value", adapter.Register[port]("publisher", "own", &options{}, func(options) named { return "" }),
			"its constructor must ask for its options, a *adapter_test.options"},
		{"options that are no struct", adapter.Register[port]("store", "own", new(string), func(*string) named { return "" }),
			`register the store "own": its defaults must be a pointer to a struct, not *string`},
		{"no name", adapter.Register[port]("store", "", &options{}, right), "its name must be lower-case letters"},
		{"a name that is no key", adapter.Register[port]("store", "my.store", &options{}, right), "its name must be lower-case letters"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := fx.New(fx.NopLogger, tt.give).Err()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v\nwant %s", err, tt.want)
			}
		})
	}
}

type registered struct {
	fx.In

	List []adapter.Registration[port] `group:"adapters"`
}

// build registers one adapter, makes it with its defaults in a graph that has a string and a logger, and returns what the
// module gives to the graph.
func build(t *testing.T, option fx.Option, more ...fx.Option) (made port, err error) {
	t.Helper()
	var r registered
	if err := fx.New(fx.NopLogger, option, fx.Invoke(func(in registered) { r = in })).Err(); err != nil {
		t.Fatal(err)
	}
	if len(r.List) != 1 {
		t.Fatalf("registered are %+v", r.List)
	}
	publish := fx.Provide(fx.Annotate(func(p port) port { return p }, fx.ParamTags(`name:"here"`)))
	module := r.List[0].Module("here", r.List[0].Defaults, publish)
	more = append(more, fx.NopLogger, module, fx.Supply("of the graph"), fx.Provide(zap.NewNop), fx.Populate(&made))
	err = fx.New(more...).Err()
	return made, err
}

func TestConstructors(t *testing.T) {
	type parameters struct {
		fx.In

		Options *options
		Text    string
	}
	defaults := &options{Path: "default"}
	for name, constructor := range map[string]any{
		"a concrete type":    func(o *options, s string) named { return named(o.Path + " " + s) },
		"the port":           func(o *options, s string) port { return named(o.Path + " " + s) },
		"with an error":      func(o *options, s string) (named, error) { return named(o.Path + " " + s), nil },
		"a parameter object": func(p parameters) (port, error) { return named(p.Options.Path + " " + p.Text), nil },
		"variadic":           func(o *options, s string, _ ...int) port { return named(o.Path + " " + s) },
	} {
		made, err := build(t, adapter.Register[port]("publisher", "own", defaults, constructor))
		if err != nil || made.Name() != "default of the graph" {
			t.Errorf("%s: %v, %v", name, made, err)
		}
	}
	made, err := build(t, adapter.Register[port, struct{}]("publisher", "own", nil, func() named { return "none" }))
	if err != nil || made.Name() != "none" {
		t.Errorf("without options: %v, %v", made, err)
	}
}

func TestErrorsNameTheAdapter(t *testing.T) {
	cause := errors.New("boom")
	made, err := build(t, adapter.Register[port]("publisher", "own", &options{},
		func(*options) (*named, error) { return nil, cause }))
	if made != nil || !errors.Is(err, cause) || !strings.Contains(err.Error(), "here: boom") {
		t.Errorf("%v, %v", made, err)
	}
	_, err = build(t, adapter.Register[port]("publisher", "own", &options{}, func(*options, fmt.Stringer) named { return "" }))
	if err == nil || !strings.Contains(err.Error(), `[name="here"]`) || !strings.Contains(err.Error(), "missing type: fmt.Stringer") {
		t.Errorf("a type that the graph lacks: %v", err)
	}
}

// TestPrivate: options are for their module alone.
func TestPrivate(t *testing.T) {
	_, err := build(t, adapter.Register[port]("publisher", "own", &options{}, func(*options) named { return "" }),
		fx.Invoke(func(*options) {}))
	if err == nil || !strings.Contains(err.Error(), "missing type: *adapter_test.options") {
		t.Errorf("error is %v", err)
	}
}
