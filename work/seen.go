package work

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Seen remembers what was done, for all nodes.
type Seen struct {
	records   motacilla.Records
	namespace string
	ttl       time.Duration
}

// NewSeen returns what is remembered under name, 1 to 50 bytes of a-z, 0-9, '.', '_' and '-'. A key is forgotten after ttl, by the
// store's clock; 0 means never.
func NewSeen(records motacilla.Records, name string, ttl time.Duration) *Seen {
	return &Seen{records, "seen." + name, ttl}
}

// Once calls do, unless do has succeeded before under this key, 1 to 512 bytes of UTF-8 without NUL. If do fails, Once returns its
// error, and remembers nothing. If do succeeds, that is remembered even if ctx has ended meanwhile, which takes 5 s at most. An error
// may also mean that do has succeeded, and that this can't be remembered. Two calls at the same time may both call do. So do must bear
// to be called again. If the key is impossible, the error is an ErrInvalid, and do is not called.
func (s *Seen) Once(ctx context.Context, key string, do func(ctx context.Context) error) error {
	r := motacilla.Record{Namespace: s.namespace, Key: key, TTL: s.ttl}
	if err := r.Validate(); err != nil {
		return fmt.Errorf("look up a key of %s: %w", s.namespace, err)
	}
	_, err := s.records.Get(ctx, s.namespace, key)
	if err == nil {
		return nil
	}
	if !errors.Is(err, motacilla.ErrNotFound) {
		return fmt.Errorf("look up %q: %w", key, err)
	}
	if err := do(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	_, err = s.records.Put(ctx, r)
	if err != nil && !errors.Is(err, motacilla.ErrConflict) {
		return fmt.Errorf("remember %q: %w", key, err)
	}
	return nil
}
