package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// newFile is a file that a command writes.
type newFile struct {
	name string
	body []byte
	mode fs.FileMode
	keep bool // it may exist, if it has the same body
}

// writeNew writes files. If one of them exists, and replace is false, it writes none and returns an error.
func writeNew(replace bool, files ...newFile) error {
	var due []newFile
	for _, f := range files {
		body, err := os.ReadFile(f.name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case f.keep && err == nil && bytes.Equal(body, f.body):
			continue
		case !replace:
			return existsAlready(f.name)
		}
		due = append(due, f)
	}
	for _, f := range due {
		if err := f.write(replace); err != nil {
			return err
		}
	}
	return nil
}

func existsAlready(name string) error {
	return fmt.Errorf("%s exists already; --force replaces it", name)
}

func (f newFile) write(replace bool) error {
	if replace {
		return f.replace()
	}
	file, err := os.OpenFile(f.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode)
	if errors.Is(err, fs.ErrExist) {
		return existsAlready(f.name)
	}
	if err != nil {
		return err
	}
	return f.fill(file)
}

// replace puts a complete file in the place of another one, which may be readable for more users.
func (f newFile) replace() error {
	file, err := os.CreateTemp(filepath.Dir(f.name), filepath.Base(f.name)+".*")
	if err != nil {
		return err
	}
	if err := errors.Join(file.Chmod(f.mode), f.fill(file)); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	if err := os.Rename(file.Name(), f.name); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

func (f newFile) fill(file *os.File) error {
	_, err := file.Write(f.body)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", f.name, err)
	}
	return nil
}
