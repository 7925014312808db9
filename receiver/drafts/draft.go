package drafts

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/motacilla-live/motacilla"
	"github.com/motacilla-live/motacilla/internal/byline"
	"github.com/motacilla-live/motacilla/internal/drafted"
)

// State is how far a draft has come.
type State string

// The states of a draft.
const (
	Written    State = "draft"      // its author works on it
	Submitted  State = "submitted"  // it waits for an editor
	Returned   State = "returned"   // an editor sent it back, or it could not be published; the note says why
	Scheduled  State = "scheduled"  // it comes out at its time
	Publishing State = "publishing" // it is coming out; nobody can change it any more
	Published  State = "published"  // it is a post, and is forgotten after 30 days
)

var states = []State{Written, Submitted, Returned, Scheduled, Publishing, Published}

// armed reports whether a draft in this state comes out at its time.
func (s State) armed() bool { return s == Scheduled || s == Publishing }

// open reports whether a draft in this state can be changed by its author.
func (s State) open() bool { return s == Written || s == Submitted || s == Returned }

// keepPublished is how long a published draft is kept.
const keepPublished = 30 * 24 * time.Hour

// draft is a draft as the records have it. Times are in UTC, to the microsecond.
type draft struct {
	channel motacilla.ChannelID
	id      motacilla.PostID
	version int64
	content []motacilla.Block

	By       byline.Person      `json:"by"`
	Approved byline.Person      `json:"approved,omitzero"` // who published or scheduled it
	State    State              `json:"state"`
	At       time.Time          `json:"at,omitzero"`  // when it comes out; only if it is armed
	Now      bool               `json:"now,omitzero"` // an editor publishes it at once, whatever has become of the channel
	Life     time.Time          `json:"life,omitzero"`
	Note     string             `json:"note,omitzero"`
	Post     motacilla.PostID   `json:"post,omitzero"`
	Edits    motacilla.PostID   `json:"edits,omitzero"` // the post that it changes
	Base     motacilla.Revision `json:"base,omitzero"`  // the revision of that post from which it was made
	Author   string             `json:"author,omitzero"`
	Pinned   bool               `json:"pinned,omitzero"`
	KeyEvent bool               `json:"key_event,omitzero"`
	Created  time.Time          `json:"created,omitzero"` // of the post; zero: when it comes out
	Drafted  time.Time          `json:"drafted"`
	Modified time.Time          `json:"modified"`
}

// key returns the draft's key in the records.
func (d draft) key() string { return keyOf(d.channel, d.id) }

func keyOf(ch motacilla.ChannelID, id motacilla.PostID) string { return string(ch) + "/" + string(id) }

// post returns the post that the draft is to be.
func (d draft) post() motacilla.Post {
	return motacilla.Post{
		ID: d.id, Author: d.Author, Created: d.Created, Show: true, Pinned: d.Pinned, KeyEvent: d.KeyEvent, Content: d.content,
	}
}

// take takes over what is in p.
func (d *draft) take(p motacilla.Post) {
	d.Author, d.Created, d.Pinned, d.KeyEvent, d.content = p.Author, p.Created, p.Pinned, p.KeyEvent, p.Content
}

// same reports whether d and e are the same in all but their version and the time of the change.
func (d draft) same(e draft) bool {
	blocks := slices.Equal(d.content, e.content)
	d.content, e.content = nil, nil
	d.version, d.Modified = e.version, e.Modified
	a, errA := json.Marshal(d)
	b, errB := json.Marshal(e)
	return blocks && errA == nil && errB == nil && string(a) == string(b)
}

// record returns d as a record that replaces its version.
func (d draft) record() (motacilla.Record, error) {
	value, err := json.Marshal(struct {
		draft
		Content []motacilla.Block `json:"content"`
	}{d, d.content})
	r := motacilla.Record{Namespace: drafted.Namespace, Key: d.key(), Value: value, Version: d.version}
	if d.State == Published {
		r.TTL = keepPublished
	}
	if err == nil && len(value) > motacilla.MaxRecordValue {
		err = motacilla.Invalid("content", "is too long for a draft: with all its links it must be at most %d bytes", motacilla.MaxRecordValue)
	}
	return r, err
}

// parse reads a record.
func parse(r motacilla.Record) (draft, error) {
	var v struct {
		draft
		Content json.RawMessage `json:"content"`
	}
	err := json.Unmarshal(r.Value, &v)
	if err == nil {
		v.content, err = motacilla.TrustedContent(v.Content)
	}
	ch, id, ok := strings.Cut(r.Key, "/")
	if err == nil && !ok {
		err = fmt.Errorf("its key has no draft")
	}
	if err != nil {
		return draft{}, fmt.Errorf("read draft %q: %w", r.Key, err)
	}
	d := v.draft
	d.channel, d.id, d.version = motacilla.ChannelID(ch), motacilla.PostID(id), r.Version
	return d, nil
}
