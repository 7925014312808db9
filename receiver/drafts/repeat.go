package drafts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
)

// keys is the namespace in which each Idempotency-Key has the ID of its draft. Keys are hashed with whom they are of.
const keys = "drafts-keys"

// keyLife is how long a key is remembered.
const keyLife = 24 * time.Hour

// made is what is kept of a key.
type made struct {
	Draft motacilla.PostID `json:"draft"`
	Done  bool             `json:"done"` // the draft was stored
}

// keep stores a new draft, unless there is one of this Idempotency-Key. An empty key is none.
func (k *keeper) keep(ctx context.Context, d draft, key string) (kept draft, fresh bool, err error) {
	if key == "" {
		d, err = k.put(ctx, d)
		return d, err == nil, err
	}
	sum := sha256.Sum256([]byte(d.By.Who + "\x00" + key))
	r := motacilla.Record{Namespace: keys, Key: string(d.channel) + "/" + hex.EncodeToString(sum[:]), TTL: keyLife}
	m, err := k.remembered(ctx, &r, d.id)
	if err != nil {
		return d, false, fmt.Errorf("look up an Idempotency-Key: %w", err)
	}
	d.id = m.Draft
	kept, err = k.get(ctx, d.channel, d.id)
	switch {
	case err == nil:
		return kept, false, nil
	case !absent(err):
		return d, false, err
	case m.Done:
		return d, false, fmt.Errorf("the draft of this Idempotency-Key: %w", motacilla.ErrDeleted)
	}
	kept, err = k.put(ctx, d)
	if errors.Is(err, motacilla.ErrConflict) {
		kept, err = k.get(ctx, d.channel, d.id)
		return kept, false, err
	}
	if err != nil {
		return d, false, err
	}
	if r.Value, err = json.Marshal(made{d.id, true}); err == nil {
		_, _ = k.records.Put(ctx, r) // if it is lost, a repetition after the draft was removed makes it again
	}
	return kept, true, nil
}

// remembered returns what is kept of the key of r. If there is nothing, id is kept.
func (k *keeper) remembered(ctx context.Context, r *motacilla.Record, id motacilla.PostID) (made, error) {
	for n := 0; ; n++ {
		held, err := k.records.Get(ctx, keys, r.Key)
		if err == nil {
			var m made
			r.Version = held.Version
			return m, json.Unmarshal(held.Value, &m)
		}
		if !absent(err) {
			return made{}, err
		}
		if r.Value, err = json.Marshal(made{Draft: id}); err != nil {
			return made{}, err
		}
		held, err = k.records.Put(ctx, *r)
		if err == nil {
			r.Version = held.Version
			return made{Draft: id}, nil
		}
		if !errors.Is(err, motacilla.ErrConflict) || n == attempts {
			return made{}, err
		}
	}
}
