package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/motacilla-live/motacilla/storage"
	"go.uber.org/fx"
	"go.uber.org/zap"
)

// OpenedStore is a store that was opened without an app.
type OpenedStore struct {
	storage.Store
	Type  string
	Key   string // the key of the option that says where the store is, such as "path"; "" if it has none
	Place string // the value of that option with its secrets, which must be masked before it is shown

	graph *fx.App
}

// Close closes the store. It may be called again.
func (s *OpenedStore) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), StopTimeout)
	defer cancel()
	return plain(s.graph.Stop(ctx))
}

// StoreAt names a store of an app. It has one of these forms:
//   - TYPE:PLACE, where PLACE is the store's url or path;
//   - a URL whose scheme is the type, such as postgres://...;
//   - TYPE: the configuration gives the place;
//   - "": the configuration gives type and place.
type StoreAt string

// OpenStore opens the store that at names, and nothing else of the app that opts describe. What at leaves out comes from
// the configuration, which is read from in without its Flags. opts must register the store. They must also provide what its
// constructor asks for, except its options, the logger and an fx.Lifecycle. OpenStore returns an error if the store does
// not answer a ping.
func OpenStore(ctx context.Context, at StoreAt, in Input, log *zap.Logger, opts ...fx.Option) (*OpenedStore, error) {
	r, c, err := at.find(in, opts)
	if err != nil {
		return nil, err
	}
	opened := found(c)
	opened.graph = fx.New(fx.NopLogger, fx.Supply(log), storeModule(r.Stores, c), fx.Options(opts...), fx.Populate(&opened.Store))
	if err := opened.graph.Start(ctx); err != nil {
		return opened, plain(err)
	}
	return opened, nil
}

// Find returns the Type, Key and Place of the store that at names. It does not open the store: the result has no Store and
// must not be closed.
func (at StoreAt) Find(in Input, opts ...fx.Option) (*OpenedStore, error) {
	_, c, err := at.find(in, opts)
	if err != nil {
		return nil, err
	}
	return found(c), nil
}

func found(c Choice) *OpenedStore {
	key, place := placeOf(c.Options)
	return &OpenedStore{Type: c.Type, Key: key, Place: place}
}

func (at StoreAt) find(in Input, opts []fx.Option) (registrations, Choice, error) {
	r, err := read(opts)
	if err != nil {
		return r, Choice{}, err
	}
	schema, err := r.schema()
	if err != nil {
		return r, Choice{}, err
	}
	if in.Flags, err = at.flags(schema); err != nil {
		return r, Choice{}, err
	}
	c, err := schema.Load(in)
	if err != nil {
		return r, Choice{}, err
	}
	return r, c.Storage, readSecrets("storage.", c.Storage.Options)
}

// flags returns the configuration's flags that say what at says.
func (at StoreAt) flags(s *Schema) (map[string]string, error) {
	if at == "" {
		return nil, nil
	}
	name, place, named := strings.Cut(string(at), ":")
	if strings.HasPrefix(place, "//") { // a URL, whose scheme may be longer than the type, as rediss and postgresql are
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
		return nil, fmt.Errorf("the store %q has no place: give its type alone", name)
	case place == "":
		return nil, fmt.Errorf("the %s of the store %q is missing after %q", key, name, name+":")
	}
	flags["storage."+key] = place
	return flags, nil
}

// placeOf returns the option that says where a store is.
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
