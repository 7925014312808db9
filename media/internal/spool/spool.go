// Package spool keeps bytes in temporary files, so that they need no memory.
package spool

import (
	"os"
)

// File is a temporary file. Close removes it.
type File struct {
	*os.File

	gone bool // the file has no name any more
}

// New returns an empty file in dir; "" is the system's folder of temporary files. If the system permits it, the file loses its
// name at once, so that nothing is left of it if the process dies.
func New(dir string) (*File, error) {
	f, err := os.CreateTemp(dir, "motacilla-*")
	if err != nil {
		return nil, err
	}
	return &File{f, os.Remove(f.Name()) == nil}, nil
}

// Close closes and removes the file.
func (f *File) Close() error {
	err := f.File.Close()
	if !f.gone {
		err = os.Remove(f.Name())
	}
	return err
}
