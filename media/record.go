package media

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// namespace has one record for each image. Its key is the image's ID.
const namespace = "media"

// state says what an image's record is.
type state string

// An image begins as adding: its files are being put, and nobody sees it. When all are there, one compare-and-swap makes it ready.
// It ends as doomed: nobody sees it, and its files are being deleted. The record goes last, so that files without a record are
// none that anyone looks for.
const (
	adding state = "adding"
	ready  state = "ready"
	doomed state = "doomed"
)

// entry is an image as its record has it.
type entry struct {
	State state `json:"state"`
	// Generation is in the names of all files. It is another one each time that a record of this ID is made. So whoever still
	// deletes files of an earlier record, or puts them, does not touch those of the next.
	Generation string    `json:"generation"`
	Width      int       `json:"width,omitempty"` // of the largest size
	Height     int       `json:"height,omitempty"`
	Color      string    `json:"color,omitempty"`
	Type       string    `json:"type,omitempty"` // of what was uploaded, such as JPEG
	Created    time.Time `json:"created"`
	Files      []size    `json:"files,omitempty"` // the smallest first
	// Adding has the names of files that some Add puts, or did not remove before its node died. Since is when the last began.
	Adding []string  `json:"adding,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	// Condemned is when it was seen that no post has the image; zero: a post had it, or nobody has looked.
	Condemned time.Time `json:"condemned,omitzero"`

	key     string
	version int64
}

// size is one file of an image.
type size struct {
	Name   string `json:"name"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Bytes  int64  `json:"bytes"`
	Digest string `json:"digest"`
}

// file returns the last part of the URL of a size.
func (s size) file() string {
	return strconv.Itoa(s.Width) + s.Name[strings.LastIndexByte(s.Name, '.'):]
}

// block returns the image as a block.
func (e *entry) block() motacilla.Block {
	at := "/media/" + e.key + "/"
	var set []string
	for _, s := range e.Files {
		set = append(set, at+s.file()+" "+strconv.Itoa(s.Width)+"w")
	}
	return motacilla.Block{
		Type: motacilla.ImageBlock, URL: at + e.Files[len(e.Files)-1].file(), Width: e.Width, Height: e.Height,
		Media: e.key, Srcset: strings.Join(set, ", "), Color: e.Color,
	}
}

// names returns the names of all files that the record knows of.
func (e *entry) names() []string {
	names := slices.Clone(e.Adding)
	for _, s := range e.Files {
		names = append(names, s.Name)
	}
	return names
}

// newGeneration returns random characters.
func newGeneration() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// read returns the entry of an image, whatever its state. The error is an ErrNotFound if there is none.
func (l *Library) read(ctx context.Context, id string) (*entry, error) {
	r, err := l.records.Get(ctx, namespace, id)
	if err != nil {
		return nil, err
	}
	return parseEntry(r)
}

func parseEntry(r motacilla.Record) (*entry, error) {
	e := &entry{key: r.Key, version: r.Version}
	if err := json.Unmarshal(r.Value, e); err != nil {
		return nil, fmt.Errorf("read the record of image %q: %w", r.Key, err)
	}
	if e.State == ready && len(e.Files) == 0 {
		return nil, fmt.Errorf("read the record of image %q: it has no files", r.Key)
	}
	return e, nil
}

// write stores e over the version that was read. The error is an ErrConflict if somebody else has changed it.
func (l *Library) write(ctx context.Context, e *entry) error {
	value, err := json.Marshal(e)
	if err != nil {
		return err
	}
	r, err := l.records.Put(ctx, motacilla.Record{Namespace: namespace, Key: e.key, Value: value, Version: e.version})
	if err == nil {
		e.version = r.Version
	}
	return err
}

// sweep deletes the files of a doomed image, and its record then.
func (l *Library) sweep(ctx context.Context, e *entry) error {
	for _, name := range e.names() {
		if err := l.store.Delete(ctx, name); err != nil {
			return fmt.Errorf("delete file %q: %w", name, unavailable(err))
		}
	}
	err := l.records.Delete(ctx, namespace, e.key, e.version)
	if errors.Is(err, motacilla.ErrNotFound) || errors.Is(err, motacilla.ErrConflict) {
		return nil // another node has done so
	}
	return err
}

// unavailable makes an ErrUnavailable of an error of the media store that is none of the root's. A later try may succeed.
func unavailable(err error) error {
	for _, known := range []error{
		motacilla.ErrUnavailable, motacilla.ErrInvalid, motacilla.ErrNotFound, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, known) {
			return err
		}
	}
	return &motacilla.UnavailableError{Reason: "the media store has failed", Err: err}
}
