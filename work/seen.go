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

// NewSeen returns what is remembered under name, 1 to 50 bytes of a-z, 0-9, '.', '_' and '-'. A key is forgotten after ttl.
func NewSeen(records motacilla.Records, name string, ttl time.Duration) *Seen {
	return &Seen{records, "seen." + name, ttl}
}

// Once calls do, unless do has succeeded before under this key. If do fails, Once returns its error, and remembers nothing. Two
// calls at the same time may both call do, so do must bear that.
func (s *Seen) Once(ctx context.Context, key string, do func(ctx context.Context) error) error {
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
	_, err = s.records.Put(ctx, motacilla.Record{Namespace: s.namespace, Key: key, TTL: s.ttl})
	if err != nil && !errors.Is(err, motacilla.ErrConflict) {
		return fmt.Errorf("remember %q: %w", key, err)
	}
	return nil
}
