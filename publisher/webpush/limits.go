package webpush

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/motacilla-live/motacilla"
)

// admit counts a new reader. network is a hash; empty is unknown. Two that come at the same time may both take the last place.
func (rs *readers) admit(ctx context.Context, ch motacilla.ChannelID, network, key string) error {
	digits, most := share(rs.perChannel)
	bucket := key[:len(prefix(ch))+digits]
	full, err := rs.has(ctx, subscriptions, bucket, most)
	if err != nil {
		return err
	}
	if full {
		return fmt.Errorf("subscribe to channel %q: it has all notifications that it may have: %w", ch, motacilla.ErrOverloaded)
	}
	if network == "" {
		return nil
	}
	place := placeOf(key, network)
	_, err = rs.records.Get(ctx, networks, place)
	if !errors.Is(err, motacilla.ErrNotFound) {
		return err // it was here before, and is counted
	}
	full, err = rs.has(ctx, networks, strings.TrimSuffix(place, key[len(prefix(ch)):]), rs.perNetwork)
	if err != nil {
		return err
	}
	if full {
		return fmt.Errorf("subscribe to channel %q: %w", ch, motacilla.ErrTooMany)
	}
	_, err = rs.records.Put(ctx, motacilla.Record{Namespace: networks, Key: place, TTL: rs.keep})
	if errors.Is(err, motacilla.ErrConflict) {
		return nil
	}
	return err
}

// share divides a channel's readers by the first hexadecimal digits of their hashes, so that counting reads one part of them
// alone. A part has a few hundred readers at most. Chance makes some parts larger than others, so a channel may be full before
// it has that many readers.
func share(most int) (digits, each int) {
	const part = 400
	for most > part<<(4*digits) {
		digits++
	}
	return digits, (most + 1<<(4*digits) - 1) >> (4 * digits)
}

// has reports whether there are most records of a prefix.
func (rs *readers) has(ctx context.Context, namespace, prefix string, most int) (bool, error) {
	const page = 100
	n := 0
	for after := ""; ; {
		list, err := rs.records.List(ctx, namespace, prefix, after, min(page, most-n))
		if err != nil {
			return false, err
		}
		n += len(list)
		if n >= most {
			return true, nil
		}
		if len(list) < page {
			return false, nil
		}
		after = list[len(list)-1].Key
	}
}

// placeOf returns the key of the place that the reader of a record has among those of its network.
func placeOf(key, network string) string {
	ch, hash, _ := strings.Cut(key, "/")
	return ch + "/" + network + "/" + hash
}
