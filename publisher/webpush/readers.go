package webpush

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
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
	// holder is the ID of whose permission it was, if that can be revoked.
	holder string
	// born is when the channel was created. A channel that is created again under the same ID has no readers.
	born time.Time
	// network is a hash of where it came from when it was new; empty is unknown.
	network string
}

// may reports whether the reader may get what is on the channel now.
func (r *reader) may(ch motacilla.Channel) bool {
	permitted := !r.whilePublic && time.Since(r.seen) < keepPrivate
	return r.born.Equal(ch.Created) && (ch.Access == motacilla.Public || permitted)
}

// same reports whether two readers differ in nothing but the time.
func (r *reader) same(as *reader) bool {
	return r.wire() == as.wire() && r.whilePublic == as.whilePublic && r.holder == as.holder && r.born.Equal(as.born)
}

// readerValue is the value of a record.
type readerValue struct {
	wireSubscription
	WhilePublic bool      `json:"while_public,omitempty"`
	Seen        time.Time `json:"seen,omitzero"`
	Holder      string    `json:"holder,omitempty"`
	Born        time.Time `json:"born"`
	Network     string    `json:"network,omitempty"`
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
	known, err := rs.records.Get(ctx, subscriptions, key)
	switch {
	case errors.Is(err, motacilla.ErrNotFound):
		if network != "" {
			r.network = rs.vapid.hash("network", network)
		}
		if err := rs.admit(ctx, ch, r.network, key); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		was, err := parseReader(known)
		if err == nil && was.same(&r) && current(known, keep) {
			return nil
		}
		r.network = was.network
	}
	value, err := json.Marshal(readerValue{r.wire(), r.whilePublic, r.seen, r.holder, r.born, r.network})
	if err != nil {
		return err
	}
	_, err = rs.records.Put(ctx, motacilla.Record{
		Namespace: subscriptions, Key: key, Value: value, Version: known.Version, TTL: keep,
	})
	if errors.Is(err, motacilla.ErrConflict) {
		return nil // the same reader at the same time
	}
	return err
}

// current reports whether the record of a reader is neither to be kept for much longer, nor to be forgotten sooner.
func current(known motacilla.Record, keep time.Duration) bool {
	const clocks = time.Minute // by which the store's may differ
	left := time.Until(known.Expires)
	return left > keep-min(renewAfter, keep/2) && left < keep+clocks
}

// remove forgets a reader, if it is there.
func (rs *readers) remove(ctx context.Context, ch motacilla.ChannelID, endpoint *url.URL) error {
	record, err := rs.records.Get(ctx, subscriptions, prefix(ch)+rs.hash(endpoint))
	if errors.Is(err, motacilla.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return rs.drop(ctx, record)
}

// drop removes the record of a reader, and gives its place back.
func (rs *readers) drop(ctx context.Context, record motacilla.Record) error {
	err := rs.forget(ctx, subscriptions, record.Key)
	if r, odd := parseReader(record); odd == nil && r.network != "" {
		err = errors.Join(err, rs.forget(ctx, networks, placeOf(record.Key, r.network)))
	}
	return err
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
	return reader{s, v.WhilePublic, v.Seen, v.Holder, v.Born, v.Network}, err
}
