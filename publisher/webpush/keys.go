package webpush

import (
	"context"
	"errors"
	"fmt"

	"github.com/motacilla-live/motacilla"
)

// The record of the private key. All nodes have the same one.
const (
	keysNamespace = "web-push"
	privateKey    = "private-key"
)

// loadKey returns the private key of the records. If there is none, it makes one.
func loadKey(ctx context.Context, records motacilla.Records) ([]byte, error) {
	found, err := records.Get(ctx, keysNamespace, privateKey)
	if !errors.Is(err, motacilla.ErrNotFound) {
		return found.Value, wrapKey(err)
	}
	made, err := newKey()
	if err != nil {
		return nil, wrapKey(err)
	}
	_, err = records.Put(ctx, motacilla.Record{Namespace: keysNamespace, Key: privateKey, Value: made})
	if errors.Is(err, motacilla.ErrConflict) { // another node was first
		found, err = records.Get(ctx, keysNamespace, privateKey)
		return found.Value, wrapKey(err)
	}
	return made, wrapKey(err)
}

func wrapKey(err error) error {
	if err != nil {
		return fmt.Errorf("read the key of Web Push: %w", err)
	}
	return nil
}
