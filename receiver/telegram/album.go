package telegram

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/motacilla-live/motacilla"
)

// album is what is known of an album: Telegram delivers each of its images as a message of its own, in any order, and perhaps to
// several nodes at once. It is a record, so all nodes see the same. The record's version is the version of the post: a post that was
// made from an older state never replaces a newer one.
type album struct {
	Parts   []part `json:"parts"` // by message ID
	Extends bool   `json:"extends,omitempty"`

	version int64
}

// part is a message of an album.
type part struct {
	Message int     `json:"message"`
	Version int64   `json:"version"`
	Content content `json:"content"`
}

const (
	namespace = "telegram"          // of the receiver's records
	albumTTL  = 90 * 24 * time.Hour // after its last change; an edit that comes later keeps the images that the post has
	maxParts  = 20                  // Telegram's albums have ten
)

// album adds a part to the record of its album, unless the record has it in this version or a newer one.
func (r *Receiver) album(ctx context.Context, ch motacilla.ChannelID, m *message, version int64, c content) (album, error) {
	key := fmt.Sprintf("album/%s/%s/%s", r.s.bot, chatID(m), m.MediaGroupID)
	for ctx.Err() == nil {
		held, a, err := r.readAlbum(ctx, ch, m, key)
		if err != nil {
			return album{}, err
		}
		if !a.add(part{m.ID, version, c}) {
			a.version = held.Version
			return a, nil
		}
		if len(a.Parts) > maxParts {
			return album{}, motacilla.Invalid("media_group_id", "must have at most %d messages", maxParts)
		}
		held.TTL = albumTTL
		if held.Value, err = json.Marshal(a); err != nil {
			return album{}, err
		}
		put, err := r.records.Put(ctx, held)
		if err == nil {
			a.version = put.Version
			return a, nil
		}
		if !errors.Is(err, motacilla.ErrConflict) { // after a conflict: another part came in between
			return album{}, fmt.Errorf("keep album: %w", err)
		}
	}
	return album{}, ctx.Err()
}

// readAlbum returns the record of an album, which may be a new one.
func (r *Receiver) readAlbum(
	ctx context.Context, ch motacilla.ChannelID, m *message, key string,
) (motacilla.Record, album, error) {
	var a album
	held, err := r.records.Get(ctx, namespace, key)
	if errors.Is(err, motacilla.ErrNotFound) {
		// A record is made before its post. If there is a post already, the record has expired.
		_, err = r.sink.PostByMessage(ctx, ch, messageID(m))
		a.Extends = err == nil
		if errors.Is(err, motacilla.ErrNotFound) || errors.Is(err, motacilla.ErrDeleted) {
			err = nil
		}
		return motacilla.Record{Namespace: namespace, Key: key}, a, err
	}
	if err != nil {
		return held, a, fmt.Errorf("read album: %w", err)
	}
	return held, a, json.Unmarshal(held.Value, &a)
}

// add reports whether a has changed.
func (a *album) add(p part) bool {
	at, found := slices.BinarySearchFunc(a.Parts, p.Message, func(q part, id int) int { return cmp.Compare(q.Message, id) })
	if !found {
		a.Parts = slices.Insert(a.Parts, at, p)
		return true
	}
	if p.Version <= a.Parts[at].Version {
		return false
	}
	a.Parts[at] = p
	return true
}

func (a *album) contents() []content {
	all := make([]content, len(a.Parts))
	for i, p := range a.Parts {
		all[i] = p.Content
	}
	return all
}
