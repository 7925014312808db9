package drafts

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// dueNamespace has an entry for each draft that is armed: its key begins with the time at which the draft comes out.
//
// An entry without a draft that is armed for its time is of no use, and is removed when it is due. A draft without an entry would
// never come out. So an entry is written before its draft, and removed after it. Whoever arms a draft writes the entry anew, between
// reading the draft and replacing it. Whoever removes an entry that is of no use touches the draft first, after reading the entry.
// So of the two one fails, and nobody removes an entry that somebody else has just begun to need.
const dueNamespace = "drafts-due"

// timeDigits is how many digits the time of an entry has, in microseconds.
const timeDigits = 20

// due is an entry.
type due struct {
	at      time.Time
	channel motacilla.ChannelID
	id      motacilla.PostID
	version int64
}

func (d due) key() string {
	return fmt.Sprintf("%0*d/%s", timeDigits, d.at.UnixMicro(), keyOf(d.channel, d.id))
}

// dueOf returns the entry that d needs.
func dueOf(d draft) due { return due{at: d.At, channel: d.channel, id: d.id} }

func parseDue(r motacilla.Record) (due, error) {
	at, rest, _ := strings.Cut(r.Key, "/")
	ch, id, ok := strings.Cut(rest, "/")
	n, err := strconv.ParseInt(at, 10, 64)
	if err != nil || !ok {
		return due{}, fmt.Errorf("%q is no time of a draft", r.Key)
	}
	return due{time.UnixMicro(n).UTC(), motacilla.ChannelID(ch), motacilla.PostID(id), r.Version}, nil
}

// enter writes an entry, also if there is one.
func (k *keeper) enter(ctx context.Context, d due) error {
	for n := 0; ; n++ {
		was, err := k.find(ctx, d)
		if err != nil {
			return err
		}
		_, err = k.records.Put(ctx, motacilla.Record{Namespace: dueNamespace, Key: d.key(), Version: was.version})
		if !errors.Is(err, motacilla.ErrConflict) || n == attempts {
			return err
		}
	}
}

// find returns d with the version of its entry, or 0 if there is none.
func (k *keeper) find(ctx context.Context, d due) (due, error) {
	r, err := k.records.Get(ctx, dueNamespace, d.key())
	if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
		return d, err
	}
	d.version = r.Version
	return d, nil
}

// leave removes an entry of this version. If that fails, it stays until it is due, and is removed then.
func (k *keeper) leave(ctx context.Context, d due) error {
	if d.version == 0 {
		return nil
	}
	err := k.records.Delete(ctx, dueNamespace, d.key(), d.version)
	if errors.Is(err, motacilla.ErrNotFound) || errors.Is(err, motacilla.ErrConflict) {
		return nil
	}
	return err
}
