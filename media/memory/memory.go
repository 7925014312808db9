// Package memory is a media store in the memory of one process, for tests and demonstrations.
//
// # Durability
//
// None: files are gone when the process ends.
//
// # One node or many
//
// One: two stores share nothing.
//
// # Options
//
// There are none.
//
// # Limits
//
// Memory grows with the files.
package memory

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/media"
)

// Store is a media.Store in memory. Use New.
type Store struct {
	mu    sync.RWMutex
	files map[string]file
}

type file struct {
	media.File
	body []byte // is not changed
}

var _ media.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store { return &Store{files: map[string]file{}} }

// Put stores a file.
func (s *Store) Put(ctx context.Context, name string, f media.File, r io.Reader) error {
	if err := media.CheckFile(name, f); err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(r, f.Size+1))
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("put file %q: %w", name, err)
	}
	if int64(len(body)) != f.Size {
		return motacilla.Invalid("size", "must be the number of bytes that there are")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[name] = file{f, body}
	return nil
}

// Open returns a file. It is an io.Seeker too.
func (s *Store) Open(ctx context.Context, name string) (media.File, io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return media.File{}, nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	f, ok := s.files[name]
	if !ok {
		return media.File{}, nil, fmt.Errorf("open file %q: %w", name, motacilla.ErrNotFound)
	}
	return f.File, open{bytes.NewReader(f.body)}, nil
}

type open struct{ *bytes.Reader }

func (open) Close() error { return nil }

// Delete removes a file.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.files, name)
	return nil
}

// Names returns how the files are called, in no order.
func (s *Store) Names() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var names []string
	for name := range s.files {
		names = append(names, name)
	}
	return names
}
