package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

// OpenedStore is a store that was opened beside an app.
type OpenedStore struct {
	storage.Store
	Type  string
	Key   string // of the option that says where it is, such as "path"; "" where it has none
	Place string // its value, secrets and all; never to be shown as it is
}

// StoreAt names a store of the app that opts make: TYPE:PLACE, where PLACE is its url or path, a URL whose scheme is the
// type (postgres://...), or TYPE alone, whose place is left to the configuration; "" leaves all to that.
type StoreAt string

// OpenStore opens the store that at names, without the rest of the app that opts make. in is the configuration otherwise.
// It answers a ping, or the error says why not.
func OpenStore(ctx context.Context, at StoreAt, in Input, log *zap.Logger, opts ...fx.Option) (*OpenedStore, error) {
	c, f, err := at.find(in, opts...)
	if err != nil {
		return nil, err
	}
	opened := &OpenedStore{Type: f.Name}
	opened.Key, opened.Place = placeOf(c.Storage.Options)
	opened.Store, err = f.New(storage.Deps{Logger: log}, c.Storage.Options)
	if err != nil {
		return opened, fmt.Errorf("open the store %q: %w", f.Name, err)
	}
	if err := opened.Ping(ctx); err != nil {
		return opened, errors.Join(fmt.Errorf("the store %q does not answer: %w", f.Name, err), opened.Close())
	}
	return opened, nil
}

// Find tells which store at names, and where that is, without opening it.
func (at StoreAt) Find(in Input, opts ...fx.Option) (*OpenedStore, error) {
	c, f, err := at.find(in, opts...)
	if err != nil {
		return nil, err
	}
	found := &OpenedStore{Type: f.Name}
	found.Key, found.Place = placeOf(c.Storage.Options)
	return found, nil
}

func (at StoreAt) find(in Input, opts ...fx.Option) (*Config, storage.Factory, error) {
	var schema *Schema
	var all []storage.Factory
	a := fx.New(fx.NopLogger, fx.Provide(newSchemaOf), fx.Options(opts...), fx.Populate(&schema),
		fx.Invoke(func(fs factories) { all = fs.Stores }))
	if err := a.Err(); err != nil {
		return nil, storage.Factory{}, plain(err)
	}
	flags, err := at.flags(schema)
	if err != nil {
		return nil, storage.Factory{}, err
	}
	in.Flags = flags
	c, err := schema.Load(in)
	if err != nil {
		return nil, storage.Factory{}, err
	}
	i := slices.IndexFunc(all, func(f storage.Factory) bool { return f.Name == c.Storage.Type })
	return c, all[i], nil
}

// flags are at as the configuration's flags.
func (at StoreAt) flags(s *Schema) (map[string]string, error) {
	if at == "" {
		return nil, nil
	}
	name, place, named := strings.Cut(string(at), ":")
	if strings.HasPrefix(place, "//") { // a URL; its scheme may be longer than the type, as in rediss and postgresql
		place = string(at)
		for _, c := range s.stores.list {
			if c.name != name && strings.HasPrefix(name, c.name) {
				name = c.name
			}
		}
	}
	comp, err := s.stores.find(name)
	if err != nil {
		return nil, err
	}
	flags := map[string]string{"storage.type": name}
	if !named {
		return flags, nil
	}
	key, _ := placeOf(comp.options)
	switch {
	case key == "":
		return nil, fmt.Errorf("the store %q is at no place of its own: name it alone", name)
	case place == "":
		return nil, fmt.Errorf("the %s of the store %q is missing after %q", key, name, name+":")
	}
	flags["storage."+key] = place
	return flags, nil
}

// placeOf is the option that says where a store is.
func placeOf(options any) (key, value string) {
	fields, err := fieldsOf(options)
	if err != nil {
		return "", ""
	}
	for _, f := range fields {
		if f.key == "url" || f.key == "path" {
			return f.key, f.String()
		}
	}
	return "", ""
}
