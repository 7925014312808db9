package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"sync"

	"github.com/motacilla-live/motacilla"
)

// checkpoints are the cursors of all channels in the store's records. They are in a fixed number of records, so that a second in
// which a thousand channels move costs as many writes as there are records. Each has the term of its writer: a leader whose term
// is over can't overwrite what a later one has written.
type checkpoints struct {
	records motacilla.Records
	name    string // of the relay
	term    int64

	mu      sync.Mutex
	cursors [buckets]map[motacilla.ChannelID]motacilla.Revision
	private [buckets]map[motacilla.ChannelID]bool // those of them that are private: after their end nothing else says so
	dirty   [buckets]bool
	version [buckets]int64 // of the records; only flush uses it
}

const (
	namespace = "relays"
	buckets   = 32
)

// bucket is the value of a record.
type bucket struct {
	Term    int64                                      `json:"term"`
	Cursors map[motacilla.ChannelID]motacilla.Revision `json:"cursors"`
	Private map[motacilla.ChannelID]bool               `json:"private,omitempty"`
}

// errOverruled says that another node leads.
var errOverruled = errors.New("a later leader has written a checkpoint")

func newCheckpoints(records motacilla.Records, name string, term int64) *checkpoints {
	c := &checkpoints{records: records, name: name, term: term}
	for i := range c.cursors {
		c.cursors[i] = make(map[motacilla.ChannelID]motacilla.Revision)
		c.private[i] = make(map[motacilla.ChannelID]bool)
	}
	return c
}

func (c *checkpoints) key(i int) string { return fmt.Sprintf("%s/%02x", c.name, i) }

func bucketOf(ch motacilla.ChannelID) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(ch))
	return int(h.Sum32() % buckets)
}

// load reads what was stored. first is true if the relay has never stored anything.
func (c *checkpoints) load(ctx context.Context) (first bool, err error) {
	list, err := c.records.List(ctx, namespace, c.name+"/", "", buckets)
	if err != nil {
		return false, err
	}
	stored := make(map[string]motacilla.Record, len(list))
	for _, r := range list {
		stored[r.Key] = r
	}
	for i := range buckets {
		r, ok := stored[c.key(i)]
		if !ok {
			continue
		}
		b, err := read(r)
		if err != nil {
			return false, err
		}
		if b.Term > c.term {
			return false, errOverruled
		}
		c.version[i] = r.Version
		maps.Copy(c.cursors[i], b.Cursors)
		maps.Copy(c.private[i], b.Private)
	}
	return len(list) < buckets, nil // they are all written at the end of the first look
}

func read(r motacilla.Record) (b bucket, err error) {
	if err := json.Unmarshal(r.Value, &b); err != nil {
		return b, fmt.Errorf("record %q of %q: %w", r.Key, namespace, err)
	}
	return b, nil
}

// each calls do with all cursors.
func (c *checkpoints) each(do func(ch motacilla.ChannelID, cursor motacilla.Revision, private bool)) {
	for i, cursors := range c.cursors {
		for ch, cursor := range cursors {
			do(ch, cursor, c.private[i][ch])
		}
	}
}

// set notes how far the hub is with a channel.
func (c *checkpoints) set(ch motacilla.ChannelID, cursor motacilla.Revision, private bool) {
	i := bucketOf(ch)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cursors[i][ch], c.dirty[i] = cursor, true
	if delete(c.private[i], ch); private {
		c.private[i][ch] = true
	}
}

// forget removes the cursor of a channel that was deleted.
func (c *checkpoints) forget(ch motacilla.ChannelID) {
	i := bucketOf(ch)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.cursors[i], ch)
	delete(c.private[i], ch)
	c.dirty[i] = true
}

// all has the next flush write every record.
func (c *checkpoints) all() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.dirty {
		c.dirty[i] = true
	}
}

// flush writes what has changed. One goroutine calls it.
func (c *checkpoints) flush(ctx context.Context) error {
	for i := range buckets {
		value := c.changed(i)
		if value == nil {
			continue
		}
		if err := c.put(ctx, i, value); err != nil {
			c.mu.Lock()
			c.dirty[i] = true
			c.mu.Unlock()
			return err
		}
	}
	return nil
}

// changed returns the value of a record that is to be written, or nil.
func (c *checkpoints) changed(i int) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.dirty[i] {
		return nil
	}
	c.dirty[i] = false
	value, err := json.Marshal(bucket{c.term, c.cursors[i], c.private[i]})
	if err != nil {
		panic(err) // of strings and numbers it can't fail
	}
	return value
}

// put writes a record. After a conflict it writes again, unless a later leader has written.
func (c *checkpoints) put(ctx context.Context, i int, value []byte) error {
	for {
		r, err := c.records.Put(ctx, motacilla.Record{Namespace: namespace, Key: c.key(i), Value: value, Version: c.version[i]})
		if err == nil {
			c.version[i] = r.Version
			return nil
		}
		if !errors.Is(err, motacilla.ErrConflict) {
			return err
		}
		r, err = c.records.Get(ctx, namespace, c.key(i))
		switch {
		case errors.Is(err, motacilla.ErrNotFound):
			c.version[i] = 0
			continue
		case err != nil:
			return err
		}
		b, err := read(r)
		if err != nil {
			return err
		}
		if b.Term > c.term {
			return errOverruled
		}
		c.version[i] = r.Version
	}
}
