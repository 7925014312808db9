// Package media is the port of media stores, and the [Library] of images that receivers and editors fill. Media stores are in
// the folders beneath it; package mediatest holds each of them to the contract.
package media

import (
	"context"
	"io"
)

// Store keeps files, such as the sizes of an image. Every method may be called from many goroutines at once, and from many nodes
// if the store is shared. It returns soon after its context ends.
type Store interface {
	// Put stores a file under name, and replaces what was there. Readers see the whole old file or the whole new one. When
	// Put returns without an error, the file is stored as safely as the store stores anything. If r fails or has another
	// number of bytes than f.Size, nothing changes.
	Put(ctx context.Context, name string, f File, r io.Reader) error

	// Open returns a file. The caller must close it. The error is motacilla.ErrNotFound if there is none.
	Open(ctx context.Context, name string) (File, io.ReadCloser, error)

	// Delete removes a file. To remove what is not there is not an error.
	Delete(ctx context.Context, name string) error
}

// File is what a Store knows of a file.
type File struct {
	Type string // its media type, such as image/webp
	Size int64  // bytes
}

// MaxName is the longest name of a file, in bytes. Names are parts of a-z, 0-9, '.' and '-', joined by '/'; no part begins with
// a dot.
const MaxName = 200
