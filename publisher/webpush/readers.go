package webpush

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// The namespaces of subscriptions: by channel, and by the network that they came from.
const (
	subscriptions = "web-push.subscriptions" // CHANNEL/HASH of the endpoint
	networks      = "web-push.networks"      // CHANNEL/HASH of the network/HASH of the endpoint
)

// readers are the subscriptions of all channels in the store's records.
type readers struct {
	records    motacilla.Records
	vapid      *vapid
	perChannel int
	perNetwork int
	keep       time.Duration
}

// reader is a subscription to a channel.
type reader struct {
	*Subscription
	// whilePublic: the reader had no permission of its own, so it gets nothing when the channel has become private.
	whilePublic bool
	// seen is when a reader with a permission of its own last showed it.
	seen time.Time
	// born is when the channel was created. A channel that is created again under the same ID has no readers.
	born time.Time
}

// may reports whether the reader may get what is on the channel now.
func (r *reader) may(ch motacilla.Channel) bool {
	permitted := !r.whilePublic && time.Since(r.seen) < keepPrivate
	return r.born.Equal(ch.Created) && (ch.Access == motacilla.Public || permitted)
}

// same reports whether two readers differ in nothing but the time.
func (r *reader) same(as *reader) bool {
	return r.wire() == as.wire() && r.whilePublic == as.whilePublic && r.born.Equal(as.born)
}

// readerValue is the value of a record.
type readerValue struct {
	wireSubscription
	WhilePublic bool      `json:"while_public,omitempty"`
	Seen        time.Time `json:"seen,omitzero"`
	Born        time.Time `json:"born"`
}

// hash names an endpoint. The record of a reader of channel ch is prefix(ch) + hash.
func (rs *readers) hash(endpoint *url.URL) string {
	return rs.vapid.hash("endpoint", endpoint.String())
}

// prefix begins the keys of a channel. No channel ID has a slash.
func prefix(ch motacilla.ChannelID) string { return string(ch) + "/" }

// renewAfter is for how long a reader that comes again is not written again.
const renewAfter = 24 * time.Hour

// save keeps a reader, or renews it. network is a text of where it comes from; empty is unknown. If the channel or the network has
// too many, the error is an ErrOverloaded or an ErrTooMany.
func (rs *readers) save(ctx context.Context, ch motacilla.ChannelID, network string, r reader, keep time.Duration) error {
	key := prefix(ch) + rs.hash(r.endpoint)
	value, err := json.Marshal(readerValue{r.wire(), r.whilePublic, r.seen, r.born})
	if err != nil {
		return err
	}
	known, err := rs.records.Get(ctx, subscriptions, key)
	switch {
	case errors.Is(err, motacilla.ErrNotFound):
		if err := rs.admit(ctx, ch, network, key); err != nil {
			return err
		}
	case err != nil:
		return err
	case current(known, &r, keep):
		return nil
	}
	_, err = rs.records.Put(ctx, motacilla.Record{
		Namespace: subscriptions, Key: key, Value: value, Version: known.Version, TTL: keep,
	})
	if errors.Is(err, motacilla.ErrConflict) {
		return nil // the same reader at the same time
	}
	return err
}

// current reports whether the record of a reader can stay as it is: the reader is the same, and is neither to be kept for much longer,
// nor to be forgotten sooner.
func current(known motacilla.Record, r *reader, keep time.Duration) bool {
	const clocks = time.Minute // by which the store's may differ
	was, err := parseReader(known)
	left := time.Until(known.Expires)
	return err == nil && was.same(r) && left > keep-min(renewAfter, keep/2) && left < keep+clocks
}

// admit counts a new reader. Two that come at the same time may both take the last place.
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
	from := rs.ofNetwork(ch, network)
	full, err = rs.has(ctx, networks, from, rs.perNetwork)
	if err != nil {
		return err
	}
	if full {
		return fmt.Errorf("subscribe to channel %q: %w", ch, motacilla.ErrTooMany)
	}
	_, err = rs.records.Put(ctx, motacilla.Record{Namespace: networks, Key: from + strings.TrimPrefix(key, prefix(ch)), TTL: rs.keep})
	if errors.Is(err, motacilla.ErrConflict) {
		return nil // it was here before
	}
	return err
}

// share divides a channel's readers by the first hexadecimal digits of their hashes, so that counting reads one part of them
// alone. A part has some hundred at most. Parts differ by chance, so a channel is full a little earlier.
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

// ofNetwork begins the keys of what came from a network to a channel.
func (rs *readers) ofNetwork(ch motacilla.ChannelID, network string) string {
	return prefix(ch) + rs.vapid.hash("network", network) + "/"
}

// remove forgets a reader, if it is there.
func (rs *readers) remove(ctx context.Context, ch motacilla.ChannelID, network string, endpoint *url.URL) error {
	hash := rs.hash(endpoint)
	err := rs.forget(ctx, subscriptions, prefix(ch)+hash)
	if network == "" {
		return err
	}
	return errors.Join(err, rs.forget(ctx, networks, rs.ofNetwork(ch, network)+hash))
}

func (rs *readers) forget(ctx context.Context, namespace, key string) error {
	r, err := rs.records.Get(ctx, namespace, key)
	if err == nil {
		err = rs.records.Delete(ctx, namespace, key, r.Version)
	}
	if errors.Is(err, motacilla.ErrNotFound) || errors.Is(err, motacilla.ErrConflict) {
		return nil // it has gone, or has just been renewed
	}
	return err
}

// page returns at most limit records of a channel's readers whose keys come after the given one.
func (rs *readers) page(ctx context.Context, ch motacilla.ChannelID, after string, limit int) ([]motacilla.Record, error) {
	return rs.records.List(ctx, subscriptions, prefix(ch), after, limit)
}

// parseReader returns the reader of a record.
func parseReader(r motacilla.Record) (reader, error) {
	var v readerValue
	if err := json.Unmarshal(r.Value, &v); err != nil {
		return reader{}, err
	}
	s, err := v.parse()
	return reader{s, v.WhilePublic, v.Seen, v.Born}, err
}
