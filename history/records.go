package history

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"go.uber.org/zap"
)

// attempts is how often a record is written before that is a conflict.
const attempts = 20

// A long version is in several records. The others have keys below that of the first.
func partKey(key string, n int) string { return fmt.Sprintf("%s/%02d", key, n) }

// kept is a version as its records have it. The first of them counts: without it, there is no version.
type kept struct {
	version

	records []motacilla.Record
}

// each calls do with each version of a post that is kept and older than before, the newest first, until do returns false. 0 means all.
// A version that can't be read is left out.
func (h *History) each(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, before motacilla.Revision, do func(kept) (more bool, err error),
) error {
	prefix, after := postPrefix(ch, id), ""
	if before > 0 {
		after = partKey(prefix+place(before), maxParts)
	}
	return h.scan(ctx, prefix, after, func(one kept, wrong error) (bool, error) {
		if wrong != nil {
			h.o.Logger.Warn("a version can't be read", zap.String("version", one.records[0].Key), zap.Error(wrong))
			return true, nil
		}
		return do(one)
	})
}

// scan calls do with each version whose key begins with prefix and comes after the given one, until do returns false. wrong says why a
// version can't be read.
func (h *History) scan(ctx context.Context, prefix, after string, do func(one kept, wrong error) (more bool, err error)) error {
	const page = 25
	var held []motacilla.Record // of one version
	flush := func() (bool, error) {
		if len(held) == 0 {
			return true, nil
		}
		one, err := join(held)
		held = nil
		return do(one, err)
	}
	for {
		list, err := h.records.List(ctx, namespace, prefix, after, page)
		if err != nil {
			return fmt.Errorf("list versions: %w", err)
		}
		for _, r := range list {
			after = r.Key
			at, ok := parseKey(r.Key)
			switch {
			case !ok, at.part != "" && (len(held) == 0 || !strings.HasPrefix(r.Key, held[0].Key)):
				continue // a part whose first one is not there yet, or has ended
			case at.part == "":
				if more, err := flush(); err != nil || !more {
					return err
				}
			}
			held = append(held, r)
		}
		if len(list) < page {
			_, err := flush()
			return err
		}
	}
}

// join returns the version that records have together. If some of them have ended, the error is an ErrNotFound.
func join(list []motacilla.Record) (kept, error) {
	one := kept{records: list}
	values := make([][]byte, len(list))
	for i, r := range list {
		values[i] = r.Value
	}
	at, _ := parseKey(list[0].Key)
	var err error
	one.version, err = decode(at.revision, values)
	return one, err
}

// maxParts is more than any post has.
const maxParts = 99

// read returns a version of a post that is kept. The error is an ErrNotFound if it is not.
func (h *History) read(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, r motacilla.Revision) (kept, error) {
	key := postPrefix(ch, id) + place(r)
	list, err := h.records.List(ctx, namespace, key, "", maxParts)
	if err == nil && (len(list) == 0 || list[0].Key != key) {
		err = motacilla.ErrNotFound
	}
	if err != nil {
		return kept{}, err
	}
	one, err := join(list)
	if errors.Is(err, motacilla.ErrNotFound) { // remains of a version of which a part has ended
		if err := h.remove(ctx, list); err != nil {
			return one, err
		}
	}
	return one, err
}

// put keeps a version that is not kept. ttl 0 is for ever. The error is an ErrConflict if it is kept.
func (h *History) put(ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, v version, ttl time.Duration) error {
	values, err := v.encode(ch)
	if err != nil {
		return err
	}
	key := postPrefix(ch, id) + place(v.Revision)
	for n := len(values) - 1; n > 0; n-- {
		if err := h.overwrite(ctx, motacilla.Record{Namespace: namespace, Key: partKey(key, n), Value: values[n], TTL: ttl}); err != nil {
			return err
		}
	}
	if _, err = h.records.Put(ctx, motacilla.Record{Namespace: namespace, Key: key, Value: values[0], TTL: ttl}); err != nil {
		return err
	}
	return h.unlessErased(ctx, ch, id, v.Revision)
}

// overwrite writes a record, whatever is there. So it is for parts, which are the same on all nodes but for the time when they end.
func (h *History) overwrite(ctx context.Context, r motacilla.Record) error {
	for range attempts {
		was, err := h.records.Get(ctx, r.Namespace, r.Key)
		if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
			return err
		}
		r.Version = was.Version
		if _, err = h.records.Put(ctx, r); !errors.Is(err, motacilla.ErrConflict) {
			return err
		}
	}
	return motacilla.ErrConflict
}

// rewrite writes the records of a version anew, with what change makes of it. All of them end when the first one does: after ttl, or when
// it did before if ttl is 0. The post must stay the same. The error is an ErrConflict if somebody else has written one of them.
func (h *History) rewrite(ctx context.Context, ch motacilla.ChannelID, one kept, ttl time.Duration) error {
	values, err := one.encode(ch)
	if err != nil {
		return err
	}
	for n := len(one.records) - 1; n >= 0; n-- {
		r := one.records[n]
		r.Value, r.TTL, r.Expires = values[n], ttl, one.records[0].Expires
		if ttl > 0 {
			r.Expires = time.Time{}
		}
		if _, err := h.records.Put(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// remove removes the records of a version. What is not there any more is no error.
func (h *History) remove(ctx context.Context, list []motacilla.Record) error {
	for n := len(list) - 1; n >= 0; n-- {
		if err := h.removeRecord(ctx, list[n]); err != nil {
			return err
		}
	}
	return nil
}

func (h *History) removeRecord(ctx context.Context, r motacilla.Record) error {
	for range attempts {
		err := h.records.Delete(ctx, r.Namespace, r.Key, r.Version)
		if errors.Is(err, motacilla.ErrNotFound) {
			return nil
		}
		if !errors.Is(err, motacilla.ErrConflict) {
			return err
		}
		if r, err = h.records.Get(ctx, r.Namespace, r.Key); errors.Is(err, motacilla.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return motacilla.ErrConflict
}

// PostAt returns a post as it was at the revision of a version that is kept. The error is an ErrNotFound if none is.
func (h *History) PostAt(
	ctx context.Context, ch motacilla.ChannelID, id motacilla.PostID, revision motacilla.Revision,
) (motacilla.Post, error) {
	one, err := h.read(ctx, ch, id, revision)
	if err == nil && one.Removed {
		err = motacilla.ErrNotFound
	}
	if err != nil {
		return motacilla.Post{}, fmt.Errorf("post %q at revision %d: %w", id, revision, err)
	}
	return one.Post, nil
}
