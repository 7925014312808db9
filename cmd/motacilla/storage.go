package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/app"
	"github.com/motacilla-live/motacilla/app/standard"
	"github.com/spf13/cobra"
	"go.uber.org/zap"
)

const storageHelp = `STORE is TYPE:PLACE, such as sqlite:motacilla.db, or a URL, such as postgres://live@db.example.org/live.
If STORE is only a type, the configuration has the place: --config, or else MOTACILLA_CONFIG, or else motacilla.yaml, and
the environment.`

func storageCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "storage",
		Short: "Copy, check and repair stores",
		Long: `Copy, check and repair stores. These commands open the store themselves, also while a server uses it.

` + storageHelp,
		Example: `  motacilla storage copy --from sqlite:motacilla.db --to postgres://live@db.example.org/live
  motacilla storage check`,
	})
	s := &storageFlags{}
	cmd.PersistentFlags().StringVar(&s.config, "config", "",
		"configuration file; or else MOTACILLA_CONFIG, or else motacilla.yaml if it exists")
	cmd.AddCommand(storageCopy(s), storageCheck(s), storageBarrier(s))
	return cmd
}

// storageFlags are the flags that all storage commands have.
type storageFlags struct{ config string }

// openedStore is a store that a flag of a command names.
type openedStore struct {
	*app.OpenedStore
	flag    string // such as "--from"
	secrets *strings.Replacer
}

// open opens a store. If the store is a file, it must exist, unless made is true.
func (s *storageFlags) open(ctx context.Context, flag, at string, made bool) (*openedStore, error) {
	in := app.Input{File: s.config}
	found, err := app.StoreAt(at).Find(in, standard.Module)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, maskedError{err, secretsIn(at)})
	}
	p := &openedStore{OpenedStore: found, flag: flag, secrets: secretsIn(found.Place)}
	switch {
	case p.Type == "memory":
		return nil, fmt.Errorf("%s: a store of type memory is inside its server's process and can't be opened", flag)
	case p.Key == "path" && !made:
		if _, err := os.Stat(p.Place); err != nil {
			return nil, fmt.Errorf("%s: there is no store: %w", flag, err)
		}
	}
	if p.OpenedStore, err = app.OpenStore(ctx, app.StoreAt(at), in, zap.NewNop(), standard.Module); err != nil {
		return nil, fmt.Errorf("%s: %w", flag, maskedError{err, p.secrets})
	}
	return p, nil
}

// String returns the store's name without secrets.
func (p *openedStore) String() string {
	shown := p.secrets.Replace(p.Place)
	if strings.Contains(shown, "://") {
		return shown
	}
	return p.Type + ":" + shown
}

// same reports whether both are one store.
func (p *openedStore) same(q *openedStore) bool {
	a, b := p.Place, q.Place
	if p.Key == "path" {
		a, b = resolved(a), resolved(b)
	}
	return p.Type == q.Type && a == b
}

func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	return path
}

// close closes the store. It returns err, or if err is nil the error of closing, without secrets.
func (p *openedStore) close(err error) error {
	if closing := p.Close(); err == nil && closing != nil {
		err = fmt.Errorf("close %s: %w", p, closing)
	}
	if err != nil {
		err = maskedError{err, p.secrets}
	}
	return err
}

// storageFailed returns err. If the store is unavailable or the command was interrupted, the error says what to do then.
func storageFailed(ctx context.Context, err error, then string) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return errors.New("interrupted; " + then)
	case errors.Is(err, motacilla.ErrUnavailable):
		return fmt.Errorf("%w; %s", err, then)
	}
	return err
}
