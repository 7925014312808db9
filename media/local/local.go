// Package local is a media store in a folder.
//
// # Durability
//
// A file that was put survives the death of the process and of the machine: it is written under another name, synced, and then
// renamed. If the process dies meanwhile, the old file stays, and what was written of the new one is removed a day later.
//
// # One node or many
//
// Several nodes may share the folder, if its file system renames atomically: a local disk, or NFS.
//
// # Options
//
// The path of the folder. It is made by the first Put.
//
// # Limits
//
// Files stay within the folder, also if there are symbolic links in it (os.Root). Each image has a folder of its own, so that
// millions of images need a file system that bears as many entries in one folder, such as ext4 or XFS.
package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/media"
)

// Options are the settings of a Store. nil and zero fields mean the defaults.
type Options struct {
	Path string `key:"path" doc:"the folder of the files; it is made when the first file comes"` // motacilla-media
}

// Store is a media.Store in a folder. Use New.
type Store struct {
	path string

	mu   sync.Mutex
	root *os.Root // nil until the folder is there
}

var _ media.Store = (*Store)(nil)

// DefaultPath is the default of Options.Path.
const DefaultPath = "motacilla-media"

// New returns the store of a folder. It touches nothing yet.
func New(o *Options) *Store {
	s := &Store{path: DefaultPath}
	if o != nil && o.Path != "" {
		s.path = o.Path
	}
	return s
}

// Close closes the folder. The store must not be used any more. It is for those who remove the folder; others need not call it.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.root == nil {
		return nil
	}
	return s.root.Close()
}

// unfinished is the folder of files that are being written. No name that a file may have is the same.
const unfinished = ".unfinished"

// folder returns the folder. If make is false and it is not there, the error is an fs.ErrNotExist.
func (s *Store) folder(create bool) (*os.Root, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.root != nil {
		return s.root, nil
	}
	if create {
		if err := os.MkdirAll(s.path, 0o750); err != nil {
			return nil, err
		}
	}
	root, err := os.OpenRoot(s.path)
	if err != nil {
		return nil, err
	}
	tidy(root)
	s.root = root
	return root, nil
}

// leftover is the age of a file that nobody writes any more.
const leftover = 24 * time.Hour

// tidy removes what processes that died have left. If it can't, that harms nobody.
func tidy(root *os.Root) {
	list, err := fs.ReadDir(root.FS(), unfinished)
	if err != nil {
		return
	}
	for _, entry := range list {
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > leftover {
			_ = root.Remove(path.Join(unfinished, entry.Name()))
		}
	}
}

// Put stores a file.
func (s *Store) Put(ctx context.Context, name string, f media.File, r io.Reader) error {
	if err := media.CheckFile(name, f); err != nil {
		return err
	}
	err := s.put(ctx, name, f, r)
	if err != nil && !errors.Is(err, motacilla.ErrInvalid) {
		return fmt.Errorf("put file %q: %w", name, err)
	}
	return err
}

func (s *Store) put(ctx context.Context, name string, f media.File, r io.Reader) error {
	root, err := s.folder(true)
	if err != nil {
		return failed(err)
	}
	temp, err := write(ctx, root, f.Size, r)
	if err == nil {
		err = place(root, temp, name)
	}
	if err != nil && temp != "" {
		_ = root.Remove(temp)
	}
	return err
}

// write writes size bytes of r to a file without a name of its own, and returns its path.
func write(ctx context.Context, root *os.Root, size int64, r io.Reader) (string, error) {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	temp := path.Join(unfinished, hex.EncodeToString(b))
	err := root.Mkdir(unfinished, 0o750)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", failed(err)
	}
	w, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return "", failed(err)
	}
	n, err := copyAll(ctx, w, io.LimitReader(r, size+1))
	if err == nil && n != size {
		err = motacilla.Invalid("size", "must be the number of bytes that there are")
	}
	if err == nil {
		err = failed(w.Sync())
	}
	if closing := w.Close(); err == nil {
		err = failed(closing)
	}
	return temp, err
}

// copyAll copies r to w. An error of w is an ErrUnavailable.
func copyAll(ctx context.Context, w io.Writer, r io.Reader) (int64, error) {
	buf := make([]byte, 64<<10)
	for n := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		k, err := r.Read(buf)
		if k > 0 {
			if _, err := w.Write(buf[:k]); err != nil {
				return n, failed(err)
			}
			n += int64(k)
		}
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// place gives a written file its name. Delete may remove the folder meanwhile, so place makes it again.
func place(root *os.Root, temp, name string) error {
	dir := path.Dir(name)
	const attempts = 100
	for range attempts {
		err := root.MkdirAll(dir, 0o750)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			return failed(err)
		}
		if err == nil {
			err = root.Rename(temp, name)
		}
		if err == nil {
			if err = syncFolders(root, dir); errors.Is(err, fs.ErrNotExist) {
				return nil // it was stored, and is deleted already
			}
			return failed(err)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return failed(err)
		}
	}
	return &motacilla.UnavailableError{Reason: "the folder of a file is removed again and again", Err: fs.ErrNotExist}
}

// syncFolders makes the names of a folder, and its own name, last.
func syncFolders(root *os.Root, dir string) error {
	if runtime.GOOS == "windows" {
		return nil // it has no such call
	}
	for {
		f, err := root.Open(dir)
		if err != nil {
			return err
		}
		err = f.Sync()
		if closing := f.Close(); err == nil {
			err = closing
		}
		if err != nil || dir == "." {
			return err
		}
		dir = path.Dir(dir)
	}
}

// Open returns a file. It is an io.Seeker too.
func (s *Store) Open(ctx context.Context, name string) (media.File, io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return media.File{}, nil, err
	}
	f, err := s.open(name)
	if err != nil {
		return media.File{}, nil, fmt.Errorf("open file %q: %w", name, err)
	}
	stat, err := f.Stat()
	if err == nil && !stat.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		_ = f.Close()
		return media.File{}, nil, fmt.Errorf("open file %q: %w", name, failed(err))
	}
	return media.File{Type: media.TypeOf(name), Size: stat.Size()}, f, nil
}

func (s *Store) open(name string) (*os.File, error) {
	if !media.ValidName(name) {
		return nil, motacilla.ErrNotFound
	}
	root, err := s.folder(false)
	if err != nil {
		return nil, failed(err)
	}
	f, err := root.Open(name)
	return f, failed(err)
}

// Delete removes a file, and its folder if that is empty then.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !media.ValidName(name) {
		return nil
	}
	root, err := s.folder(false)
	if err == nil {
		err = root.Remove(name)
	}
	if err == nil {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if root.Remove(dir) != nil {
				break // it is not empty
			}
		}
	}
	if err = failed(err); err != nil && !errors.Is(err, motacilla.ErrNotFound) {
		return fmt.Errorf("delete file %q: %w", name, err)
	}
	return nil
}

// failed returns what an error of the file system means to callers.
func failed(err error) error {
	switch {
	case err == nil, errors.Is(err, motacilla.ErrInvalid), errors.Is(err, motacilla.ErrUnavailable):
		return err
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return motacilla.ErrNotFound
	case errors.Is(err, syscall.ENOSPC):
		return &motacilla.UnavailableError{Reason: "the disk is full", Err: err}
	}
	return &motacilla.UnavailableError{Reason: "the folder of images has failed", Err: err}
}
