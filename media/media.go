// Package media is the port of media stores, and the [Library] of images that receivers and editors fill. Media stores are in
// the folders beneath it; package mediatest holds each of them to the contract.
package media

import (
	"context"
	"io"
	"path"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// Store keeps files, such as the sizes of an image. Every method may be called from many goroutines at once, and from many nodes
// if the store is shared. It returns soon after its context ends. If the store can't be reached, or can't answer now, the error
// is a motacilla.ErrUnavailable.
type Store interface {
	// Put stores a file under name, and replaces what was there. Readers see the whole old file or the whole new one. When
	// Put returns without an error, the file is stored as safely as the store stores anything. If r fails or has another
	// number of bytes than f.Size, nothing changes. Put must return the error of [CheckFile], if there is one.
	Put(ctx context.Context, name string, f File, r io.Reader) error

	// Open returns a file. The caller must close it. The error is motacilla.ErrNotFound if there is none, or if there can't
	// be one of this name. What Open returns may be an io.Seeker too. A file that is open can be read to its end, whatever
	// happens to its name.
	Open(ctx context.Context, name string) (File, io.ReadCloser, error)

	// Delete removes a file. To remove what is not there is not an error.
	Delete(ctx context.Context, name string) error
}

// File is what a Store knows of a file.
type File struct {
	Type string // its media type, such as image/webp; it is the one that the end of its name stands for, see TypeOf
	Size int64  // bytes
}

// MaxName is the longest name of a file, in bytes. Names are parts of a-z, 0-9, '.' and '-', joined by '/'; no part begins with
// a dot.
const MaxName = 200

// TypeOf returns the media type that the end of a file's name stands for, or "". A store may keep the type in the name alone.
func TypeOf(name string) string {
	switch path.Ext(name) {
	case ".jpg":
		return "image/jpeg"
	case ".png":
		return "image/png"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	case ".avif":
		return "image/avif"
	case ".bin":
		return "application/octet-stream"
	}
	return ""
}

// ValidName reports whether a file may have this name.
func ValidName(name string) bool {
	if len(name) > MaxName {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' {
			return false
		}
		for _, c := range []byte(part) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' {
				return false
			}
		}
	}
	return true
}

// CheckFile returns an ErrInvalid that names the field if a store must not take f under name, or nil.
func CheckFile(name string, f File) error {
	switch {
	case !ValidName(name):
		return motacilla.Invalid("name", "must be at most %d bytes: parts of a-z, 0-9, '.' and '-', joined by '/', none with a dot "+
			"at its beginning", MaxName)
	case TypeOf(name) == "":
		return motacilla.Invalid("name", "must end in .jpg, .png, .gif, .webp, .avif or .bin")
	case f.Type != TypeOf(name):
		return motacilla.Invalid("type", "must be %s, since the name says so", TypeOf(name))
	case f.Size < 0:
		return motacilla.Invalid("size", "must not be negative")
	}
	return nil
}
