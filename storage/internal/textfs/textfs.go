// Package textfs gives the files of a file system another text, such as the names of tables in migrations.
package textfs

import (
	"io/fs"
	"strings"
)

// New returns the files of files, each with the text that change makes of its own.
func New(files fs.FS, change func(string) string) fs.FS { return changed{files, change} }

type changed struct {
	fs.FS
	change func(string) string
}

// Open opens a file. A folder stays as it is.
func (c changed) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return f, err
	}
	text, err := fs.ReadFile(c.FS, name)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &file{f, strings.NewReader(c.change(string(text)))}, nil
}

// file is an open file. Its Stat is that of the file as it was, also the size.
type file struct {
	fs.File
	text *strings.Reader
}

func (f *file) Read(p []byte) (int, error) { return f.text.Read(p) }
