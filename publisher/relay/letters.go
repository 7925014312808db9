package relay

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
)

// Letter is what a relay has given up: what happened on a channel after From. It has no content. Sent again, it is what carries a
// reader from From to the channel's head. A relay has at most one letter for each channel.
//
// A letter without a channel says that the hub wants nothing any more, so the relay is at rest. Sent again, it lets the relay go on.
type Letter struct {
	Relay    string              `json:"-"`
	Channel  motacilla.ChannelID `json:"-"`
	From     motacilla.Revision  `json:"from"`
	Revision motacilla.Revision  `json:"revision"` // how far the last message went that was given up
	Since    time.Time           `json:"since"`    // when the first one was given up
	Failed   time.Time           `json:"failed"`   // when the last one was
	Error    string              `json:"error"`    // why
	Asked    string              `json:"asked,omitempty"`

	version int64
}

// Letters are those of all relays of a site, for tools. A relay that runs looks at them every two seconds.
type Letters struct{ records motacilla.Records }

// NewLetters returns the letters in a store.
func NewLetters(records motacilla.Records) *Letters { return &Letters{records} }

const (
	lettersNamespace = "relay-letters"
	lettersPage      = 500
	maxLetterError   = 500 // bytes
)

func letterKey(relay string, ch motacilla.ChannelID) string { return relay + "/" + string(ch) }

// List returns the letters of a relay, or of all if relay is empty, in the order of their names and channels.
func (ls *Letters) List(ctx context.Context, relay string) ([]Letter, error) {
	prefix := ""
	if relay != "" {
		prefix = relay + "/"
	}
	var all []Letter
	for after := ""; ; {
		page, err := ls.records.List(ctx, lettersNamespace, prefix, after, lettersPage)
		if err != nil {
			return nil, fmt.Errorf("list letters: %w", err)
		}
		for _, r := range page {
			all = append(all, readLetter(r))
			after = r.Key
		}
		if len(page) < lettersPage {
			return all, nil
		}
	}
}

// Get returns a letter, or an ErrNotFound.
func (ls *Letters) Get(ctx context.Context, relay string, ch motacilla.ChannelID) (Letter, error) {
	r, err := ls.records.Get(ctx, lettersNamespace, letterKey(relay, ch))
	if err != nil {
		return Letter{}, err
	}
	return readLetter(r), nil
}

// Ask has the letter's relay send it again, on the node where it pushes. When that is done, there is no such letter. If it has
// failed, the letter's Asked is no longer what Ask has returned. If the letter is gone already, the error is an ErrNotFound.
func (ls *Letters) Ask(ctx context.Context, letter Letter) (asked string, err error) {
	asked = rand.Text()
	_, err = ls.edit(ctx, letter.Relay, letter.Channel, func(l *Letter) bool {
		l.Asked = asked
		return l.version != 0
	})
	return asked, err
}

// Drop removes the letter. It is no error if there is none. A relay that is at rest because of it goes on.
func (ls *Letters) Drop(ctx context.Context, letter Letter) error {
	for {
		l, err := ls.Get(ctx, letter.Relay, letter.Channel)
		if err == nil {
			err = ls.records.Delete(ctx, lettersNamespace, letterKey(letter.Relay, letter.Channel), l.version)
		}
		switch {
		case errors.Is(err, motacilla.ErrNotFound):
			return nil
		case !errors.Is(err, motacilla.ErrConflict):
			return err
		}
	}
}

// edit writes a letter. change gets what is there, with version 0 if there is none, and returns false to write nothing, which is an
// ErrNotFound. It may be called several times.
func (ls *Letters) edit(ctx context.Context, relay string, ch motacilla.ChannelID, change func(*Letter) bool) (Letter, error) {
	for {
		l, err := ls.Get(ctx, relay, ch)
		if err != nil && !errors.Is(err, motacilla.ErrNotFound) {
			return l, err
		}
		l.Relay, l.Channel = relay, ch
		if !change(&l) {
			return l, motacilla.ErrNotFound
		}
		value, err := json.Marshal(l)
		if err != nil {
			return l, err
		}
		r, err := ls.records.Put(ctx, motacilla.Record{
			Namespace: lettersNamespace, Key: letterKey(relay, ch), Value: value, Version: l.version,
		})
		if !errors.Is(err, motacilla.ErrConflict) {
			l.version = r.Version
			return l, err
		}
	}
}

// readLetter reads a record. Of one that can't be read, the names are left, so that it can be dropped.
func readLetter(r motacilla.Record) (l Letter) {
	if err := json.Unmarshal(r.Value, &l); err != nil {
		l = Letter{Error: "the letter can't be read"}
	}
	relay, ch, _ := strings.Cut(r.Key, "/")
	l.Relay, l.Channel, l.version = relay, motacilla.ChannelID(ch), r.Version
	return l
}

// add merges what was given up at a moment into the letter.
func (l *Letter) add(from, revision motacilla.Revision, at time.Time, cause error) {
	if l.version == 0 || l.Since.IsZero() {
		l.From, l.Since = from, at
	}
	l.From, l.Revision = min(l.From, from), max(l.Revision, revision)
	l.Failed, l.Error = at, cause.Error()
	if len(l.Error) > maxLetterError {
		l.Error = strings.ToValidUTF8(l.Error[:maxLetterError], "")
	}
}
