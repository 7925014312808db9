package syndication

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/motacilla-live/motacilla"
)

// namespace has the states of all feeds and channels that are watched.
const namespace = "syndication"

// state is what the nodes know of a feed. It is one record.
type state struct {
	URL      string    `json:"url"` // as configured
	Moved    string    `json:"moved,omitempty"`
	ETag     string    `json:"etag,omitempty"`
	Modified string    `json:"modified,omitempty"` // Last-Modified
	Hint     int64     `json:"hint,omitempty"`     // the pause that the document asks for, in seconds
	Next     time.Time `json:"next"`
	Failures int       `json:"failures,omitempty"` // in a row
	Gone     bool      `json:"gone,omitempty"`     // the server says so
	Begun    bool      `json:"begun,omitempty"`    // the feed was read once
	Seen     []seen    `json:"seen,omitempty"`     // the newest first

	Title        string          `json:"title,omitempty"`
	Hub          string          `json:"hub,omitempty"`   // what the feed says
	Topic        string          `json:"topic,omitempty"` // the URL by which the hub knows the feed
	Subscription *subscription   `json:"subscription,omitempty"`
	Leaving      []*subscription `json:"leaving,omitempty"`
}

// seen is an entry that a feed has, or had.
type seen struct {
	ID      string `json:"id"` // the message ID
	Hash    string `json:"hash,omitempty"`
	Updated int64  `json:"updated,omitempty"` // what the feed said, in microseconds since the Unix epoch
	Version int64  `json:"version,omitempty"` // of the post: Updated, or more if the entry changed and Updated did not
	Skipped bool   `json:"skipped,omitempty"` // it was there before the feed was watched, and is no post
	Gone    bool   `json:"gone,omitempty"`    // it was withdrawn, or its post was removed
}

// states keeps what is known of feeds in records.
type states struct {
	records motacilla.Records
	prefix  string // of the keys
}

// load reads what is known under key into v, and returns the version of its record. It leaves v as it is if there is none.
func (s states) load(ctx context.Context, key string, v any) (version int64, err error) {
	r, err := s.records.Get(ctx, namespace, s.prefix+key)
	if errors.Is(err, motacilla.ErrNotFound) {
		return 0, nil
	}
	if err == nil {
		err = json.Unmarshal(r.Value, v)
	}
	if err != nil {
		return 0, fmt.Errorf("read what is known of the feed: %w", err)
	}
	return r.Version, nil
}

func (s states) store(ctx context.Context, key string, v any, version int64) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // it would make IDs longer
	err := enc.Encode(v)
	if err == nil {
		_, err = s.records.Put(ctx, motacilla.Record{
			Namespace: namespace, Key: s.prefix + key, Value: buf.Bytes(), Version: version,
		})
	}
	if err != nil {
		return fmt.Errorf("store what is known of the feed: %w", err)
	}
	return nil
}

// change reads what is known under key, has it changed and stores it. If somebody else was faster, it begins again, so change may
// run more than once. If change returns an error, nothing is stored.
func change[T any](ctx context.Context, s states, key string, change func(*T) error) error {
	const attempts = 20
	var err error
	for range attempts {
		var v T
		version, lost := s.load(ctx, key, &v)
		if lost != nil {
			return lost
		}
		if err = change(&v); err != nil {
			return err
		}
		if err = s.store(ctx, key, v, version); !errors.Is(err, motacilla.ErrConflict) {
			return err
		}
	}
	return err
}
