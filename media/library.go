package media

import (
	"context"
	"errors"
	"io"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/route"
)

// Library keeps images: it checks them, turns them upright, makes their sizes, and serves them. What it knows of an image is in
// the store's records, and its files are in a [Store].
type Library struct {
	store   Store
	records motacilla.Records
}

// NewLibrary returns the library whose files are in store.
func NewLibrary(store Store, records motacilla.Records) *Library { return &Library{store, records} }

// Add reads an image and keeps it under id, 1 to 64 characters of a-z, 0-9 and '-'. If there is an image of this ID, Add returns
// it, and reads nothing. If what r has is not an image that the library takes, the error is a motacilla.ErrInvalid that names
// the limit. The block that it returns has everything but Alt.
func (l *Library) Add(ctx context.Context, id string, r io.Reader) (motacilla.Block, error) {
	return motacilla.Block{}, errors.New("media: Add")
}

// Image returns the image of an ID as a block without Alt. The error is a motacilla.ErrNotFound if there is none.
func (l *Library) Image(ctx context.Context, id string) (motacilla.Block, error) {
	return motacilla.Block{}, motacilla.ErrNotFound
}

// URLs returns the routes of the files.
func (l *Library) URLs() []route.Route { return nil }
